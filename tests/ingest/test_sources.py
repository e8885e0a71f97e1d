"""What sources do to ingest and follow beside being read: files that can't be, disks that are full,
records that come in pieces, ends that are asked for."""
import os
import resource
import shutil
import signal
import subprocess
import unittest

from cli.tool import BINARY, HAPROXY
from ingest.follower import NumbersCase, append, failing, harmless, lines

NOBODY = 65534


class Sources(NumbersCase):
    def refused_once(self, done, *says):
        text = done.stderr.decode()
        self.assertEqual(done.returncode, 3, text)
        self.assertEqual(text.count("\n"), 1, text)
        for words in says:
            self.assertIn(str(words), text)

    def test_a_file_that_its_reader_may_not_open(self):
        secret = self.file("secret.log", lines([1]))
        secret.chmod(0)
        self.dir.chmod(0o777)
        binary = shutil.copy(BINARY, self.dir / "tlstrail")  # where anybody gets at it
        as_nobody = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        done = subprocess.run([binary, "ingest", f"lb={secret}", f"edge={self.file('a', lines([2]))}"],
                              env=self.env, cwd=self.dir, capture_output=True, check=False,
                              **as_nobody)
        self.refused_once(done, secret, "permission denied", "run as a user")
        self.check_numbers([2])

    def test_100_mb_without_a_newline(self):
        path = self.file("long.log", lines([1]))
        with open(path, "ab") as f:
            f.write(failing(2)[:-1])
            f.truncate(100 << 20)
            f.seek(0, os.SEEK_END)
            f.write(b"\n" + failing(3))
        self.json("ingest", f"lb={path}")
        self.check_numbers([1, 2, 3])
        self.assertEqual(self.ledger()["lines"], 3)

    def test_a_file_that_cannot_grow_further_keeps_what_is_stored(self):
        """RLIMIT_FSIZE stands for a quota."""
        path = self.file("a.log", lines(range(20_000)))

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

        done = subprocess.run([BINARY, "ingest", f"lb={path}"], env=self.env, cwd=self.dir,
                              capture_output=True, check=False, preexec_fn=limit,
                              restore_signals=False)
        self.refused_once(done, "lb")
        self.ok("ingest", f"lb={path}", "--output", "json")
        self.check_numbers(range(20_000))
        self.assertEqual(self.ledger()["lines"], 20_000)

    def test_a_full_disk_is_told_once_and_nothing_is_lost(self):
        disk = self.dir / "disk"
        disk.mkdir()
        path = self.file("a.log", lines(range(20_000)))
        script = f"""
            mount -t tmpfs -o size=700k none {disk} || exit 77
            {BINARY} ingest lb={path} --store {disk}/store 2>first.err
            echo $? >first.status
            mount -o remount,size=100m {disk}
            {BINARY} ingest lb={path} --store {disk}/store 2>second.err || exit 78
            cp -r {disk}/store store"""
        how = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
        done = subprocess.run([*how, "sh", "-c", script], env=self.env, cwd=self.dir,
                              capture_output=True, check=False)
        if done.returncode in (1, 77):
            self.skipTest(f"NO DISK WAS FILLED: no small file system here: {done.stderr.decode()}")
        self.assertEqual(done.returncode, 0, (self.dir / "second.err").read_text())
        said = (self.dir / "first.err").read_text()
        self.assertEqual((self.dir / "first.status").read_text(), "3\n", said)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertRegex(said, "disk|space")
        self.check_numbers(range(20_000))
        self.assertEqual(self.ledger()["lines"], 20_000)

    def test_the_same_file_by_two_names_is_read_once(self):
        path = self.file("logs/a.log", lines([1, 2]))
        os.symlink(path, self.dir / "logs" / "b.log")
        os.link(path, self.dir / "logs" / "c.log")
        self.json("ingest", f"lb={self.dir}/logs/*")
        self.check_numbers([1, 2])

    def test_a_glob_reads_what_is_a_file_and_tells_of_the_rest(self):
        self.file("logs/a.log", lines([1]))
        (self.dir / "logs" / "folder").mkdir()
        done = self.run_tool("ingest", f"lb={self.dir}/logs/*")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.check_numbers([1])

    def test_the_stores_own_files_are_never_read(self):
        self.json("ingest", f"lb={self.file('a.log', lines([1]))}")
        done = self.run_tool("ingest", f"lb={self.dir}/store/streams/*")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(b"the store's own folder", done.stderr)
        self.check_numbers([1])

    def test_standard_input(self):
        self.json("ingest", "lb=-", stdin=lines([1, 2]) + failing(3)[:-1])
        self.json("ingest", "lb=-", stdin=lines([4]))
        self.check_numbers([1, 2, 3, 4])
        self.assertEqual(self.ledger()["lines"], 4)

    def test_a_last_line_without_its_end_counts_once_when_it_gets_it(self):
        for cut in (30, len(failing(2)) - 1):
            with self.subTest(cut=cut):
                path = self.file(f"logs/{cut}.log", lines([cut]) + failing(cut + 1)[:cut])
                self.json("ingest", f"lb={path}")
                append(path, failing(cut + 1)[cut:] + lines([cut + 2]))
                self.json("ingest", f"lb={path}")
                found = self.numbers()
                self.assertTrue({cut, cut + 1, cut + 2} <= set(found), found)
                self.assertEqual(max(found.values()), 1, found)
        self.assertEqual(self.ledger()["lines"], 6)


class Following(NumbersCase):
    def test_the_end_that_is_asked_for_prints_the_ledger(self):
        path = self.file("logs/a.log", lines([1, 2]) + harmless(1))
        follower = self.follower(path).start()
        self.wait_for_numbers([1, 2], follower)
        append(path, lines([3]))
        said = follower.stop()  # what was written before the end was asked for is read
        self.assertEqual((said["stream"], said["events"]), ("lb", 3), said)
        self.assertEqual(said["lines"], self.ledger()["lines"])
        self.check_numbers([1, 2, 3])
        self.assertEqual(follower.text(), "")

    def test_files_and_folders_may_come_later(self):
        follower = self.follower(self.dir / "later" / "*" / "app.log").start()
        self.wait_for(follower.is_up, follower, "start")
        path = self.file("later/shop/app.log", lines([1]))
        self.wait_for_numbers([1], follower)
        append(path, lines([2]))
        self.wait_for_numbers([2], follower)
        follower.stop()
        self.check_numbers([1, 2])

    def test_what_is_no_file_is_told_once_and_the_others_are_followed(self):
        (self.dir / "logs" / "folder.log").mkdir(parents=True)
        os.mkfifo(self.dir / "logs" / "pipe.log")
        path = self.file("logs/a.log", lines([1]))
        follower = self.follower(self.dir / "logs" / "*.log").start()
        self.wait_for_numbers([1], follower)
        append(path, lines([2]))
        self.wait_for_numbers([2], follower)
        follower.stop()
        self.assertEqual(follower.text().count("\n"), 2, follower.text())
        self.assertIn("folder.log", follower.text())
        self.assertIn("pipe.log", follower.text())

    def test_start_end_leaves_what_is_there(self):
        path = self.file("logs/a.log", lines([1, 2]))
        follower = self.follower(path, stream={"start": "end"}).start()

        def at_the_end():
            status = self.run_tool("status").stdout
            return b'"position":%d' % (2 * len(failing(1))) in status

        self.wait_for(at_the_end, follower, "cursor")
        append(path, lines([3]))
        new = self.file("logs/a.log.new", lines([4]))
        os.replace(new, path)
        self.wait_for_numbers([4], follower)
        follower.stop()
        self.check_numbers([3, 4])

    def test_a_record_that_comes_in_pieces_is_one_event(self):
        trace = [HAPROXY.encode() + b" n=000001;\n", *(b"\tat org.example.A.b(A.java:%d)\n" % i
                                                      for i in range(5))]
        path = self.file("logs/a.log", b"")
        follower = self.follower(path).start()
        self.wait_for(follower.is_up, follower, "start")
        for piece in trace:
            append(path, piece)
        append(path, lines([2]))
        self.wait_for_numbers([1, 2], follower)
        follower.stop()
        self.check_numbers([1, 2])
        self.assertEqual(self.ledger()["lines"], 7)

    def test_two_followers_of_one_store(self):
        path = self.file("logs/a.log", lines([1]))
        first = self.follower(path).start()
        self.wait_for_numbers([1], first)
        done = self.run_tool("follow", "--config", first.config)
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        append(path, lines([2]))
        self.wait_for_numbers([2], first)
        first.stop()
        self.check_numbers([1, 2])

    def test_tail_gives_each_event_and_goes_on_after_the_last_one_seen(self):
        path = self.file("logs/a.log", lines([1]))
        follower = self.follower(path).start()
        self.wait_for_numbers([1], follower)
        with subprocess.Popen([BINARY, "tail", "-f", "--output", "ndjson"], env=self.env,
                              cwd=self.dir, stdout=subprocess.PIPE) as tail:
            self.assertIn(b"n=000001;", tail.stdout.readline())
            append(path, lines([2]))
            self.assertIn(b"n=000002;", tail.stdout.readline())
            tail.terminate()
            tail.stdout.read()
        append(path, lines([3]))
        self.wait_for_numbers([3], follower)
        follower.stop()


if __name__ == "__main__":
    unittest.main()

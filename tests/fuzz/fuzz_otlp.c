/* fuzz_otlp.c - any bytes as a Kafka record of OpenTelemetry's JSON: what is unpacked is a run of JSON
 * objects, and a small record doesn't become a large one. */
#include "fuzz.h"
#include "ingest/kafka_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str record = fuzz_copy(data, size);
    struct unpacked_record out = {0};
    bool unpacked = otlp_unpack(record, &out);
    HOLDS(unpacked == (out.n > 0));
    for (size_t i = 0, from = 0; i < out.n; from = out.ends[i++]) {
        HOLDS(out.ends[i] > from && out.ends[i] <= out.bytes.n);
        json_t *object = json_loadb(out.bytes.p + from, out.ends[i] - from, 0, NULL);
        HOLDS(json_is_object(object));
        json_decref(object);
    }
    HOLDS(out.n == 0 || out.ends[out.n - 1] == out.bytes.n);
    HOLDS(out.bytes.n <= OTLP_BYTES_MAX + size * (size + 16));
    buf_release(&out.bytes);
    free(out.ends);
    free((char *)record.p);
    return 0;
}

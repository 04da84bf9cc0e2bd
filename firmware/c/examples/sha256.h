/* SHA-256 (FIPS 180-4), short rather than fast. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[64];
} sha256;

void sha256_start(sha256 *hash);
void sha256_add(sha256 *hash, const uint8_t *bytes, size_t len);
void sha256_finish(sha256 *hash, uint8_t digest[32]);

#endif

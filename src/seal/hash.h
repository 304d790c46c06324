/*
 * hash.h
 *		SHA-256 by the server's own code, and the two kinds of hashes of a Merkle
 *		tree (RFC 6962, section 2.1): those of leaves and those of inner nodes.
 *
 * The prefixes keep one kind from being passed off as the other. A hasher is
 * made once and used for many hashes, because making it costs more than a hash.
 */
#ifndef LEDGER_HASH_H
#define LEDGER_HASH_H

#include "common/ledger_engine.h"

#include "common/sha2.h"

#define HASH_SIZE PG_SHA256_DIGEST_LENGTH

typedef struct Sha256
{
	uint8 bytes[HASH_SIZE];
} Sha256;

typedef struct Hasher Hasher;

/* A hasher belongs to the current resource owner, which frees it after an error. */
extern Hasher *hasher_open(void);

extern void hasher_close(Hasher *hasher);

/* The hash of some bytes, without a prefix. */
extern Sha256 hash_bytes_of(Hasher *hasher, const void *data, Size size);

/* The same of bytes that come piece by piece. From the begin to the end the hasher makes no other hash. */
extern void hash_begin(Hasher *hasher);
extern void hash_add(Hasher *hasher, const void *data, Size size);
extern Sha256 hash_end(Hasher *hasher);

/* 64 hexadecimal digits. */
extern Datum hash_to_text(const Sha256 *hash);

/* The hash of a leaf with these data. */
extern Sha256 hash_leaf(Hasher *hasher, const void *data, Size size);

/* The hash of an inner node. */
extern Sha256 hash_node(Hasher *hasher, const Sha256 *left, const Sha256 *right);

static inline bool
hash_equal(const Sha256 *a, const Sha256 *b)
{
	return memcmp(a->bytes, b->bytes, HASH_SIZE) == 0;
}

#endif

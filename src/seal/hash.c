/*
 * hash.c
 *		SHA-256 of leaves and nodes (see hash.h).
 */
#include "seal/hash.h"

#include "common/cryptohash.h"
#include "utils/builtins.h"

#define LEAF_PREFIX 0x00
#define NODE_PREFIX 0x01

struct Hasher
{
	pg_cryptohash_ctx *context;
};

static void
require(Hasher *hasher, int result)
{
	if (unlikely(result < 0))
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(hasher->context));
}

Hasher *
hasher_open(void)
{
	Hasher *hasher = palloc_object(Hasher);

	hasher->context = pg_cryptohash_create(PG_SHA256);
	if (hasher->context == NULL)
		elog(ERROR, "could not begin SHA-256");
	return hasher;
}

void
hasher_close(Hasher *hasher)
{
	pg_cryptohash_free(hasher->context);
	pfree(hasher);
}

void
hash_begin(Hasher *hasher)
{
	require(hasher, pg_cryptohash_init(hasher->context));
}

void
hash_add(Hasher *hasher, const void *data, Size size)
{
	require(hasher, pg_cryptohash_update(hasher->context, data, size));
}

Sha256
hash_end(Hasher *hasher)
{
	Sha256 hash;

	require(hasher, pg_cryptohash_final(hasher->context, hash.bytes, HASH_SIZE));
	return hash;
}

Sha256
hash_bytes_of(Hasher *hasher, const void *data, Size size)
{
	hash_begin(hasher);
	hash_add(hasher, data, size);
	return hash_end(hasher);
}

Sha256
hash_leaf(Hasher *hasher, const void *data, Size size)
{
	static const uint8 prefix = LEAF_PREFIX;

	hash_begin(hasher);
	hash_add(hasher, &prefix, sizeof(prefix));
	hash_add(hasher, data, size);
	return hash_end(hasher);
}

Sha256
hash_node(Hasher *hasher, const Sha256 *left, const Sha256 *right)
{
	uint8 data[1 + 2 * HASH_SIZE];

	data[0] = NODE_PREFIX;
	memcpy(data + 1, left->bytes, HASH_SIZE);
	memcpy(data + 1 + HASH_SIZE, right->bytes, HASH_SIZE);
	return hash_bytes_of(hasher, data, sizeof(data));
}

Datum
hash_to_text(const Sha256 *hash)
{
	char hex[2 * HASH_SIZE + 1];

	for (int i = 0; i < HASH_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash->bytes[i]);
	return CStringGetTextDatum(hex);
}

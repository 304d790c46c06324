/*
 * merkle_path.c
 *		Inclusion and consistency proofs (see merkle_path.h), as the recursions of
 *		RFC 9162 define them, with the recursion turned into a loop down from the
 *		root. The RFC lists nodes from the leaf up, so each loop fills the path
 *		from its end.
 */
#include "seal/merkle_path.h"

#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"

LEDGER_FUNCTION(ledger_merkle_consistency);
LEDGER_FUNCTION(ledger_merkle_path);
LEDGER_FUNCTION(ledger_merkle_tree);

/* The largest power of two smaller than size, which is more than 1. */
static uint64
left_part(uint64 size)
{
	Assert(size > 1);
	return UINT64CONST(1) << pg_leftmost_one_pos64(size - 1);
}

Sha256
merkle_subtree(Hasher *hasher, const Sha256 *leaves, uint64 size)
{
	MerkleTree tree;

	Assert(size > 0);
	merkle_init(&tree, hasher);
	for (uint64 i = 0; i < size; i++)
		merkle_append(&tree, &leaves[i]);
	return merkle_root(&tree);
}

static void
add_node(MerklePath *path, Sha256 node)
{
	Assert(path->length < MERKLE_MAX_DEPTH);
	path->nodes[path->length++] = node;
}

/* From root first to leaf first. */
static void
turn_around(MerklePath *path)
{
	for (int i = 0, j = path->length - 1; i < j; i++, j--)
	{
		Sha256 node = path->nodes[i];

		path->nodes[i] = path->nodes[j];
		path->nodes[j] = node;
	}
}

void
merkle_inclusion(Hasher *hasher, const Sha256 *leaves, uint64 size, uint64 index, MerklePath *path)
{
	Assert(index < size);
	path->length = 0;
	while (size > 1)
	{
		uint64 left = left_part(size);

		if (index < left)
		{
			add_node(path, merkle_subtree(hasher, leaves + left, size - left));
			size = left;
		}
		else
		{
			add_node(path, merkle_subtree(hasher, leaves, left));
			leaves += left;
			index -= left;
			size -= left;
		}
	}
	turn_around(path);
}

void
merkle_consistency(Hasher *hasher, const Sha256 *leaves, uint64 size, uint64 old_size,
				   MerklePath *path)
{
	/* Whether the subtree of the older tree that is left is the older tree itself, which the reader knows. */
	bool is_known = true;

	Assert(old_size > 0 && old_size <= size);
	path->length = 0;
	while (old_size < size)
	{
		uint64 left = left_part(size);

		if (old_size <= left)
		{
			add_node(path, merkle_subtree(hasher, leaves + left, size - left));
			size = left;
		}
		else
		{
			add_node(path, merkle_subtree(hasher, leaves, left));
			leaves += left;
			old_size -= left;
			size -= left;
			is_known = false;
		}
	}
	if (!is_known)
		add_node(path, merkle_subtree(hasher, leaves, size));
	turn_around(path);
}

/* The hashes of an array. */
static Sha256 *
hashes_of(ArrayType *array, int *count)
{
	Datum *values;
	bool *nulls;
	Sha256 *hashes;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
	hashes = palloc_extended(Max(*count, 1) * sizeof(Sha256), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *count; i++)
	{
		bytea *hash = nulls[i] ? NULL : DatumGetByteaPP(values[i]);

		if (hash == NULL || VARSIZE_ANY_EXHDR(hash) != HASH_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("hash %d of a Merkle tree does not have %d bytes", i + 1, HASH_SIZE)));
		memcpy(hashes[i].bytes, VARDATA_ANY(hash), HASH_SIZE);
	}
	return hashes;
}

static Datum
hash_datum(const Sha256 *hash)
{
	bytea *result = palloc(VARHDRSZ + HASH_SIZE);

	SET_VARSIZE(result, VARHDRSZ + HASH_SIZE);
	memcpy(VARDATA(result), hash->bytes, HASH_SIZE);
	return PointerGetDatum(result);
}

static Datum
path_datum(const MerklePath *path)
{
	Datum nodes[MERKLE_MAX_DEPTH];

	for (int i = 0; i < path->length; i++)
		nodes[i] = hash_datum(&path->nodes[i]);
	return PointerGetDatum(construct_array(nodes, path->length, BYTEAOID, -1, false, TYPALIGN_INT));
}

Datum
ledger_merkle_tree(PG_FUNCTION_ARGS)
{
	int count;
	Sha256 *hashes = hashes_of(PG_GETARG_ARRAYTYPE_P(0), &count);
	Hasher *hasher = hasher_open();
	Sha256 root = count == 0 ? hash_bytes_of(hasher, "", 0) : merkle_subtree(hasher, hashes, count);

	hasher_close(hasher);
	return hash_datum(&root);
}

Datum
ledger_merkle_path(PG_FUNCTION_ARGS)
{
	int64 index = PG_GETARG_INT64(1);
	int count;
	Sha256 *hashes = hashes_of(PG_GETARG_ARRAYTYPE_P(0), &count);
	Hasher *hasher;
	MerklePath path;

	if (index < 0 || index >= count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a Merkle tree of %d leaves has no leaf " INT64_FORMAT, count, index)));
	hasher = hasher_open();
	merkle_inclusion(hasher, hashes, count, index, &path);
	hasher_close(hasher);
	return path_datum(&path);
}

Datum
ledger_merkle_consistency(PG_FUNCTION_ARGS)
{
	int64 old_size = PG_GETARG_INT64(1);
	int count;
	Sha256 *hashes = hashes_of(PG_GETARG_ARRAYTYPE_P(0), &count);
	Hasher *hasher;
	MerklePath path = {0};

	if (old_size < 0 || old_size > count)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a Merkle tree of %d leaves extends none of " INT64_FORMAT, count,
							   old_size)));
	hasher = hasher_open();
	if (old_size > 0)
		merkle_consistency(hasher, hashes, count, old_size, &path);
	hasher_close(hasher);
	return path_datum(&path);
}

/*
 * merkle_path.c
 *		Proofs about Merkle trees after RFC 9162: that a leaf is in a tree
 *		(section 2.1.3), and that a tree extends a smaller one (section 2.1.4).
 *
 * They are as the recursions of the RFC define them, with the recursion turned
 * into a loop down from the root. The RFC lists nodes from the leaf up, so each
 * loop fills the path from its end. Both read the hashes of all leaves, each once.
 */
#include "seal/bytes.h"
#include "seal/merkle.h"

#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"

LEDGER_FUNCTION(ledger_merkle_consistency);
LEDGER_FUNCTION(ledger_merkle_path);
LEDGER_FUNCTION(ledger_merkle_tree);

/* Hashes of a proof, in the order in which its reader takes them. */
typedef struct MerklePath
{
	int length;
	Sha256 nodes[MERKLE_MAX_DEPTH];
} MerklePath;

/* The largest power of two smaller than size, which is more than 1. */
static uint64
left_part(uint64 size)
{
	Assert(size > 1);
	return UINT64CONST(1) << pg_leftmost_one_pos64(size - 1);
}

/* The root of the subtree over some leaves; of none, that of an empty tree. */
static Sha256
subtree_root(Hasher *hasher, const Sha256 *leaves, uint64 size)
{
	MerkleTree tree;

	merkle_init(&tree, hasher);
	for (uint64 i = 0; i < size; i++)
		merkle_append(&tree, &leaves[i]);
	return merkle_root(&tree);
}

/* Where a way down from the root has come to: a subtree, by its leaves, and a leaf of it. */
typedef struct Place
{
	const Sha256 *leaves;
	uint64 size;
	uint64 leaf;
} Place;

/* Goes down to the half that has the leaf, and adds the root of the other one to the path. Is it the right half? */
static bool
go_down(Place *place, Hasher *hasher, MerklePath *path)
{
	uint64 left = left_part(place->size);
	bool is_right = place->leaf >= left;

	Assert(path->length < MERKLE_MAX_DEPTH);
	path->nodes[path->length++] =
		is_right ? subtree_root(hasher, place->leaves, left)
				 : subtree_root(hasher, place->leaves + left, place->size - left);
	if (is_right)
	{
		place->leaves += left;
		place->leaf -= left;
		place->size -= left;
	}
	else
		place->size = left;
	return is_right;
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

/* The siblings from leaf index up; index < size. */
static void
prove_inclusion(Hasher *hasher, const Sha256 *leaves, uint64 size, uint64 index, MerklePath *path)
{
	Place place = {leaves, size, index};

	Assert(index < size);
	path->length = 0;
	while (place.size > 1)
		(void) go_down(&place, hasher, path);
	turn_around(path);
}

/* What shows that the tree has that of its first old_size leaves; 0 < old_size <= size. */
static void
prove_consistency(Hasher *hasher, const Sha256 *leaves, uint64 size, uint64 old_size,
				  MerklePath *path)
{
	/* Towards the last leaf of the older tree, until a subtree ends with it. */
	Place place = {leaves, size, old_size - 1};
	/* Whether that subtree is the older tree itself, which the reader knows. */
	bool is_known = true;

	Assert(old_size > 0 && old_size <= size);
	path->length = 0;
	while (place.leaf < place.size - 1)
		if (go_down(&place, hasher, path))
			is_known = false;
	if (!is_known)
	{
		Assert(path->length < MERKLE_MAX_DEPTH);
		path->nodes[path->length++] = subtree_root(hasher, place.leaves, place.size);
	}
	turn_around(path);
}

/* The leaves that a function is called with, and what hashes them. */
typedef struct Leaves
{
	int count;
	Sha256 *hashes;
	Hasher *hasher;
} Leaves;

static Leaves
open_leaves(FunctionCallInfo fcinfo)
{
	Leaves leaves;
	Datum *values;
	bool *nulls;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), BYTEAOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &leaves.count);
	leaves.hashes = palloc_extended(Max(leaves.count, 1) * sizeof(Sha256), MCXT_ALLOC_HUGE);
	for (int i = 0; i < leaves.count; i++)
	{
		bytea *hash = nulls[i] ? NULL : DatumGetByteaPP(values[i]);

		if (hash == NULL || VARSIZE_ANY_EXHDR(hash) != HASH_SIZE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("hash %d of a Merkle tree does not have %d bytes", i + 1, HASH_SIZE)));
		memcpy(leaves.hashes[i].bytes, VARDATA_ANY(hash), HASH_SIZE);
	}
	leaves.hasher = hasher_open();
	return leaves;
}

static void
close_leaves(Leaves *leaves)
{
	hasher_close(leaves->hasher);
	pfree(leaves->hashes);
}

static Datum
path_datum(const MerklePath *path)
{
	Datum nodes[MERKLE_MAX_DEPTH];

	for (int i = 0; i < path->length; i++)
		nodes[i] = bytes_to_datum(path->nodes[i].bytes, HASH_SIZE);
	return PointerGetDatum(construct_array(nodes, path->length, BYTEAOID, -1, false, TYPALIGN_INT));
}

Datum
ledger_merkle_tree(PG_FUNCTION_ARGS)
{
	Leaves leaves = open_leaves(fcinfo);
	Sha256 root = subtree_root(leaves.hasher, leaves.hashes, leaves.count);

	close_leaves(&leaves);
	return bytes_to_datum(root.bytes, HASH_SIZE);
}

Datum
ledger_merkle_path(PG_FUNCTION_ARGS)
{
	Leaves leaves = open_leaves(fcinfo);
	int64 index = PG_GETARG_INT64(1);
	MerklePath path;

	if (index < 0 || index >= leaves.count)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a Merkle tree of %d leaves has no leaf " INT64_FORMAT, leaves.count,
							   index)));
	prove_inclusion(leaves.hasher, leaves.hashes, leaves.count, index, &path);
	close_leaves(&leaves);
	return path_datum(&path);
}

Datum
ledger_merkle_consistency(PG_FUNCTION_ARGS)
{
	Leaves leaves = open_leaves(fcinfo);
	int64 old_size = PG_GETARG_INT64(1);
	MerklePath path = {0};

	if (old_size < 0 || old_size > leaves.count)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a Merkle tree of %d leaves extends none of " INT64_FORMAT,
							   leaves.count, old_size)));
	if (old_size > 0)
		prove_consistency(leaves.hasher, leaves.hashes, leaves.count, old_size, &path);
	close_leaves(&leaves);
	return path_datum(&path);
}

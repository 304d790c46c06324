/*
 * merkle.c
 *		Merkle trees of which only the root is kept (see merkle.h).
 */
#include "seal/merkle.h"

#include "seal/bytes.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

LEDGER_FUNCTION(ledger_merkle_root);

void
merkle_init(MerkleTree *tree, Hasher *hasher)
{
	tree->hasher = hasher;
	tree->size = 0;
	tree->depth = 0;
}

void
merkle_append(MerkleTree *tree, const Sha256 *leaf)
{
	Sha256 hash = *leaf;

	/* Two subtrees of one size become one, as a carry goes through the bits of a number. */
	for (uint64 n = tree->size; (n & 1) != 0; n >>= 1)
		hash = hash_node(tree->hasher, &tree->roots[--tree->depth], &hash);
	Assert(tree->depth >= 0 && tree->depth < MERKLE_MAX_DEPTH);
	tree->roots[tree->depth++] = hash;
	tree->size++;
}

Sha256
merkle_root(const MerkleTree *tree)
{
	Sha256 hash;

	if (tree->depth == 0)
		return hash_bytes_of(tree->hasher, "", 0);
	hash = tree->roots[tree->depth - 1];
	for (int i = tree->depth - 2; i >= 0; i--)
		hash = hash_node(tree->hasher, &tree->roots[i], &hash);
	return hash;
}

Datum
ledger_merkle_root(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	Hasher *hasher = hasher_open();
	MerkleTree tree;
	Datum *leaves;
	bool *nulls;
	int count;
	Sha256 root;

	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &leaves, &nulls, &count);
	merkle_init(&tree, hasher);
	for (int i = 0; i < count; i++)
	{
		bytea *data = nulls[i] ? NULL : DatumGetByteaPP(leaves[i]);
		Sha256 leaf;

		if (data == NULL)
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("leaf %d of a Merkle tree is NULL", i + 1)));
		leaf = hash_leaf(hasher, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
		merkle_append(&tree, &leaf);
	}
	root = merkle_root(&tree);
	hasher_close(hasher);
	return bytes_to_datum(root.bytes, HASH_SIZE);
}

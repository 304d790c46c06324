/*
 * merkle.h
 *		The root of a Merkle tree after RFC 6962 whose leaves come one after the
 *		other.
 *
 * What is kept are the roots of the complete subtrees that the leaves so far
 * make up: one for each bit of their number that is set. A subtree of 2^n leaves
 * may be appended as if it were a leaf, as long as each one but the last is of
 * that size: the root is the same.
 */
#ifndef LEDGER_MERKLE_H
#define LEDGER_MERKLE_H

#include "seal/hash.h"

/* More leaves than there can be. */
#define MERKLE_MAX_DEPTH 64

typedef struct MerkleTree
{
	Hasher *hasher;
	uint64 size;                    /* leaves appended */
	int depth;                      /* roots kept */
	Sha256 roots[MERKLE_MAX_DEPTH]; /* those of larger subtrees first */
} MerkleTree;

extern void merkle_init(MerkleTree *tree, Hasher *hasher);

/* Adds the hash of the next leaf. */
extern void merkle_append(MerkleTree *tree, const Sha256 *leaf);

/* The root of what was appended, which may go on. */
extern Sha256 merkle_root(const MerkleTree *tree);

#endif

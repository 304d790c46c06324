/*
 * merkle_path.h
 *		Proofs about Merkle trees after RFC 9162: that a leaf is in a tree
 *		(section 2.1.3), and that a tree extends a smaller one (section 2.1.4).
 *
 * Both read the hashes of all leaves, each once.
 */
#ifndef LEDGER_MERKLE_PATH_H
#define LEDGER_MERKLE_PATH_H

#include "seal/merkle.h"

/* Hashes of a proof, in the order in which its reader takes them. */
typedef struct MerklePath
{
	int length;
	Sha256 nodes[MERKLE_MAX_DEPTH];
} MerklePath;

/* The root of the subtree over some leaves; of none, that of an empty tree. */
extern Sha256 merkle_subtree(Hasher *hasher, const Sha256 *leaves, uint64 size);

/* The siblings from leaf index up; index < size. */
extern void
merkle_inclusion(Hasher *hasher, const Sha256 *leaves, uint64 size, uint64 index, MerklePath *path);

/* What shows that the tree has that of its first old_size leaves; 0 < old_size <= size. */
extern void merkle_consistency(Hasher *hasher, const Sha256 *leaves, uint64 size, uint64 old_size,
							   MerklePath *path);

#endif

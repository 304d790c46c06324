/*
 * exception_tree.h
 *		The tree over a run's exceptions in one basis (docs/proof-format.md).
 */
#ifndef LEDGER_EXCEPTION_TREE_H
#define LEDGER_EXCEPTION_TREE_H

#include "seal/hash.h"

/* The root, and the number of exceptions. Needs query_open(). */
extern Sha256 exception_root(int64 run_id, Code basis, Hasher *hasher, int64 *count);

#endif

/*
 * leaf.h
 *		Leaves over rows: a kind, the number of rows, and each row with its length
 *		(docs/proof-format.md). A full leaf goes to its tree at once.
 */
#ifndef LEDGER_LEAF_H
#define LEDGER_LEAF_H

#include "seal/merkle.h"

#include "lib/stringinfo.h"

/* Kinds of leaves, and how many rows each has; the last leaf of a tree has the rest. */
#define HEADER_LEAF        "LEh1"
#define LINE_LEAF          "LEl1"
#define EXCEPTION_LEAF     "LEx1"
#define HEADERS_IN_LEAF    16
#define LINES_IN_LEAF      32
#define EXCEPTIONS_IN_LEAF 16

typedef struct LeafWriter
{
	MerkleTree *tree;
	int full;            /* rows of a full leaf */
	int nrows;           /* of this one */
	StringInfoData data; /* of this one */
} LeafWriter;

/* The tree outlives the writer. */
extern void leaf_open(LeafWriter *writer, const char *kind, int full, MerkleTree *tree);

extern void leaf_add(LeafWriter *writer, const char *row, uint32 size);

/* Ends the leaf that is not full yet, if it has rows. */
extern void leaf_end(LeafWriter *writer);

/* Frees memory; a leaf that is not ended is lost. */
extern void leaf_close(LeafWriter *writer);

#endif

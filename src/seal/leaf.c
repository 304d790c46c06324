/*
 * leaf.c
 *		Leaves over rows (see leaf.h).
 */
#include "seal/leaf.h"

#include "seal/bytes.h"

#define KIND_SIZE 4

/* A leaf begins with its kind and the number of its rows. */
#define START (KIND_SIZE + sizeof(uint16))

static void
begin(LeafWriter *writer)
{
	writer->data.len = START;
	writer->nrows = 0;
}

void
leaf_open(LeafWriter *writer, const char *kind, int full, MerkleTree *tree)
{
	Assert(full > 0 && full <= PG_UINT16_MAX);
	writer->tree = tree;
	writer->full = full;
	initStringInfo(&writer->data);
	bytes_put(&writer->data, kind, KIND_SIZE);
	begin(writer);
}

void
leaf_add(LeafWriter *writer, const char *row, uint32 size)
{
	Assert(writer->nrows < writer->full);
	bytes_put_u32(&writer->data, size);
	bytes_put(&writer->data, row, size);
	if (++writer->nrows == writer->full)
		leaf_end(writer);
}

void
leaf_end(LeafWriter *writer)
{
	uint16 nrows = pg_hton16(writer->nrows);
	Sha256 hash;

	if (writer->nrows == 0)
		return;
	memcpy(writer->data.data + KIND_SIZE, &nrows, sizeof(nrows));
	hash = hash_leaf(writer->tree->hasher, writer->data.data, writer->data.len);
	merkle_append(writer->tree, &hash);
	begin(writer);
}

void
leaf_close(LeafWriter *writer)
{
	pfree(writer->data.data);
}

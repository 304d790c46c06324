/*
 * section.h
 *		A section of a seal: rows of one book, month, fund, account and currency
 *		(headers: of one book and month) in order, as a tree of which the root
 *		is kept (docs/proof-format.md).
 *
 * Of each block of 1,024 rows, which is a complete subtree, evidence is kept: a
 * subtree's hash, and checksums that tell where it differs from what a table
 * holds. It goes to a spool at once, so that memory is that of a leaf, and 16
 * bytes for each block.
 */
#ifndef LEDGER_SECTION_H
#define LEDGER_SECTION_H

#include "seal/form.h"
#include "seal/leaf.h"
#include "seal/spool.h"

#define ROWS_IN_BLOCK 1024

/* What all rows of a section have in common. */
typedef struct SectionKey
{
	Code entity;
	Code basis;
	RowKind kind;
	DateADT month;
	Code fund; /* empty for headers, as the next two */
	Code account;
	Code currency;
} SectionKey;

/* A block of a section: 1,024 rows, fewer in the last one. */
typedef struct SectionBlock
{
	int64 first_je_id;
	int16 first_line_no; /* of a line */
	Sha256 hash;         /* of its subtree */
	uint32 checksums[COLUMN_GROUPS];
	int nrows;
	uint16 row_checksums[ROWS_IN_BLOCK];
} SectionBlock;

/* A section that is complete. */
typedef struct SectionRecord
{
	SectionKey key;
	int64 rows;
	Amount debit;
	Amount credit;
	Sha256 root;
	int64 *blocks; /* where they are in the spool, one after the other */
} SectionRecord;

typedef struct Section Section;

/* Begins to write the leaves of a section's tree. */
extern void section_open_leaves(LeafWriter *leaf, RowKind kind, MerkleTree *tree);

/* A copy of the key is made; hasher, form and spool outlive the section. */
extern Section *
section_open(const SectionKey *key, const RowForm *form, Hasher *hasher, Spool *spool);

/* Adds the next row. False where it comes before the one that was added last: nothing is added. */
extern bool section_add(Section *section, const RowKey *key, const char *row, uint32 size);

/* The record of a section, in the current memory context; the section is gone. */
extern SectionRecord *section_close(Section *section);

/* Ends a section whose rows are to be put to another one. */
extern void section_discard(Section *section);

/* Puts records of one process where another finds them, which takes the blocks over into its own spool. */
extern void section_save(const SectionRecord *record, Spool *records);
extern SectionRecord *section_load(Spool *records, int64 *place, Spool *from, Spool *to);

static inline int64
section_nblocks(const SectionRecord *record)
{
	return (record->rows + ROWS_IN_BLOCK - 1) / ROWS_IN_BLOCK;
}

/* Sections in the order of books, and within them in that of a seal's trees. */
extern int section_compare(const SectionRecord *a, const SectionRecord *b);

/* Appends the data of a section's leaf in the tree of sections. */
extern void section_put_data(const SectionRecord *record, StringInfo target);

/* Reads such data, with codes copied to the current memory context; false where they are no data of a section. */
extern bool section_get_data(SectionRecord *record, const char *data, uint32 size);

/*
 * The bytes of a block, as spools and evidence have them: a head of one size, and what tells the rows apart.
 */
#define BLOCK_HEAD_SIZE (sizeof(int64) + sizeof(int16) + HASH_SIZE + COLUMN_GROUPS * sizeof(uint32))

static inline uint32
section_block_rows_size(int nrows)
{
	return nrows * sizeof(uint16);
}

static inline uint32
section_block_size(int nrows)
{
	return BLOCK_HEAD_SIZE + section_block_rows_size(nrows);
}

extern void section_block_get_head(SectionBlock *block, const char *head);
extern void section_block_get_rows(SectionBlock *block, const char *rows, int nrows);

#endif

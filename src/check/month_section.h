/*
 * month_section.h
 *		Sections of which the rows come in any order: their bytes are kept until
 *		all are there, then sorted, and the root of their tree is computed.
 */
#ifndef LEDGER_MONTH_SECTION_H
#define LEDGER_MONTH_SECTION_H

#include "check/row_seals.h"
#include "seal/section.h"

typedef struct StoredRow
{
	int64 je_id;
	int32 line_no;     /* of a line */
	int32 number_size; /* of a header: so many bytes of je_number are before those of the row */
	uint32 size;
	const char *bytes;
} StoredRow;

typedef struct MonthSection
{
	CodeKey key; /* fund, account, currency; the number of the rows' seal */
	RowSeal *seal;
	RowKind kind;
	bool in_order;
	int64 nrows;
	int64 capacity;
	StoredRow *rows; /* of rows with a seal */
	int64 je_id;     /* the lowest, of rows without one */
	Amount debit;
	Amount credit;
} MonthSection;

/* Sections, with the memory of their rows. */
typedef struct MonthSections
{
	MemoryContext context;
	CodeMap map; /* MonthSection */
	char *chunk;
	Size left;
} MonthSections;

/* In a context of their own below the current one. */
extern void month_sections_open(MonthSections *sections);

/* The section of rows of a seal; the codes of headers are empty. */
extern MonthSection *
month_sections_find(MonthSections *sections, RowSeal *seal, RowKind kind, const Code codes[3]);

/* Keeps a row, encoded. */
extern void month_section_add(MonthSections *sections, MonthSection *section, const RowKey *key,
							  const char *row, uint32 size);

/* Counts a row without a seal, which has nothing to be compared with. */
extern void month_section_count(MonthSection *section, int64 je_id, Amount debit, Amount credit);

/* The root of a section with a seal. */
extern Sha256 month_section_root(MonthSection *section, Hasher *hasher);

extern void month_sections_close(MonthSections *sections);

#endif

/*
 * seal_writer.h
 *		Adds the seals of entries to the chains of their books.
 */
#ifndef LEDGER_SEAL_WRITER_H
#define LEDGER_SEAL_WRITER_H

#include "seal/book_seal.h"
#include "seal/spool.h"

/* What the sections are of. */
typedef struct Sealed
{
	int64 run_id;  /* 0: of what was posted to a month before there were seals */
	DateADT month; /* then */
	const RowForm *header_form;
	const RowForm *line_form;
	List *sections; /* SectionRecord */
	Spool *spool;   /* with their blocks */
} Sealed;

/* A seal for each book, with its evidence. The caller holds the locks of the books. Needs query_open(). */
extern void seal_write(const Sealed *sealed, Hasher *hasher);

#endif

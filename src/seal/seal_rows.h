/*
 * seal_rows.h
 *		Routes rows to the sections that they belong to.
 *
 * Where rows of each section come in order, they go to it at once: memory is
 * that of the sections, some 10 kB each. In any other order they wait in
 * work_mem, or are sorted with temporary files, and one section is open at a
 * time.
 */
#ifndef LEDGER_SEAL_ROWS_H
#define LEDGER_SEAL_ROWS_H

#include "seal/section.h"

#include "nodes/pg_list.h"

typedef struct SealRows SealRows;

/* For rows of one form. Lives in the current memory context; hasher, form and spool outlive it. */
extern SealRows *seal_rows_open(const RowForm *form, Hasher *hasher, Spool *spool, bool in_order);

/* Adds a row, encoded. False where rows are to come in order, and this one does not: nothing is added. */
extern bool seal_rows_put(SealRows *rows, const RowKey *key, const char *row, uint32 size);

/* Were lines of a month, fund and account put? */
extern bool seal_rows_have(const SealRows *rows, DateADT month, Code fund, Code account);

/* Ends without sections: the rows are to be put to others. */
extern void seal_rows_discard(SealRows *rows);

/* The sections (SectionRecord), in no order, in the current memory context. */
extern List *seal_rows_close(SealRows *rows);

#endif

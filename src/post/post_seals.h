/*
 * post_seals.h
 *		The seals of the run that is posted: rows are encoded as they are written.
 */
#ifndef LEDGER_POST_SEALS_H
#define LEDGER_POST_SEALS_H

#include "post/post_run.h"
#include "seal/seal_rows.h"

typedef struct PostSeals PostSeals;

/* The form of rows of a table of the ledger, with the columns that it has now. */
extern RowForm *post_seals_form(const char *table, RowKind kind);

/* The rows have the columns that the ledger has now. NULL, which the other functions take, where the layout has no seals yet. */
extern PostSeals *post_seals_open(Post *post);

/* Binds the form of headers or lines to rows of a table. */
extern BoundForm *
post_seals_bind(PostSeals *seals, RowKind kind, TupleDesc tupdesc, const char *table);

/* Adds a row, written or to be written. Headers come in the order of their numbers. */
extern void
post_seals_add(PostSeals *seals, BoundForm *form, const Datum *values, const bool *isnull);

/* The same of a line as it is stored; false where that is not in the form in which expand writes it: nothing is added. */
extern bool post_seals_add_line(PostSeals *seals, BoundForm *form, const Line *line);

/* Were lines of a month, fund and account added row by row? */
extern bool post_seals_have_lines(PostSeals *seals, DateADT month, Code fund, Code account);

/* Takes complete sections (SectionRecord), made by this hasher, with blocks in this spool. */
extern void post_seals_take(PostSeals *seals, List *sections);
extern Hasher *post_seals_hasher(PostSeals *seals);
extern Spool *post_seals_spool(PostSeals *seals);

/* Drops the sections taken of a month, fund and account. */
extern void post_seals_drop(PostSeals *seals, DateADT month, Code fund, Code account);

/* Appends the seals, once all rows were added. Needs query_open(). */
extern void post_seals_write(PostSeals *seals);

extern void post_seals_close(PostSeals *seals);

#endif

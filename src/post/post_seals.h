/*
 * post_seals.h
 *		The seals of the run that is posted: rows are encoded as they are written.
 */
#ifndef LEDGER_POST_SEALS_H
#define LEDGER_POST_SEALS_H

#include "post/post_run.h"
#include "seal/form.h"

typedef struct PostSeals PostSeals;

/* The rows have the columns that the ledger has now. NULL, which the other functions take, where the layout has no seals yet. */
extern PostSeals *post_seals_open(Post *post);

/* Binds the form of headers or lines to rows of a table. */
extern BoundForm *
post_seals_bind(PostSeals *seals, RowKind kind, TupleDesc tupdesc, const char *table);

/* Adds a row, written or to be written. Headers come in the order of their numbers. */
extern void
post_seals_add(PostSeals *seals, BoundForm *form, const Datum *values, const bool *isnull);

/* Appends the seals, once all rows were added. Needs query_open(). */
extern void post_seals_write(PostSeals *seals);

extern void post_seals_close(PostSeals *seals);

#endif

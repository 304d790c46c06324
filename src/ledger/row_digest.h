/*
 * row_digest.h
 *		The digest of a set of rows, of the source, of staged headers, or of what a
 *		site added to lines: a sum mod 2^128 of one hash a row.
 *
 * What goes in: each column that has a value, by its name, in the order of the
 * names; a null leaves no trace. So the digest does not depend on the order of
 * rows or of columns, nor on columns that are added later, provided that it is
 * computed over the same names. There are two hashes of a row: that of source rows and
 * lines, and one by parts, which headers have. A value is hashed as it is stored (text and
 * numeric without their headers, and decompressed), one of a type that refers
 * to catalogs (an enum, a composite, regclass) as text.
 *
 * Like the digest of lines it finds accidents, and tampering by those who cannot
 * compute a forgery; it is no signature.
 */
#ifndef LEDGER_ROW_DIGEST_H
#define LEDGER_ROW_DIGEST_H

#include "ledger/digest.h"

#include "access/tupdesc.h"

typedef struct RowDigest RowDigest;

/*
 * For rows of a table, over its columns of these names (text[]), or over all that
 * store values where names is 0. LE010 where it has no column of a name.
 */
extern RowDigest *row_digest_open(TupleDesc tupdesc, Datum names);

/*
 * The same, but equal for a value that is written to a file and read from it again: one that can be stored in several
 * forms, as an array, is hashed as its text.
 */
extern RowDigest *row_digest_open_portable(TupleDesc tupdesc, Datum names);

/*
 * For lines of a table: over the columns that it has beside the engine's, with je_id and line_no, so that a value counts
 * as that of its line. NULL: it has no such columns.
 */
extern RowDigest *row_digest_open_added(TupleDesc tupdesc);

/* As the first, over those of these columns that the table still has. */
extern RowDigest *row_digest_open_kept(TupleDesc tupdesc, Datum names);

/*
 * What became of columns of these names and types (each text[]), in words: they are gone, or of other types. NULL: they
 * are as they were.
 */
extern char *row_digest_changes(TupleDesc tupdesc, Datum names, Datum types);

/* Is a value hashed as its text? Rows are added in settings_scope_open_pinned() then. */
extern bool row_digest_prints(const RowDigest *rows);

/* The columns, in the order of their names, and their types as pinned settings name them, each as text[]. */
extern Datum row_digest_names(const RowDigest *rows);
extern Datum row_digest_types(const RowDigest *rows);

/*
 * Another hash of a row, whose columns are hashed each by itself, so that rows that share values share their part of
 * it. It begins with a part of zeros, to which each column with a value is added once, in any order, and ends in the sum.
 */
extern void
row_digest_add_column(const RowDigest *rows, AttrNumber column, Datum value, Digest *part);
extern void row_digest_add_columns(const RowDigest *rows, const Datum *values, const bool *isnull,
								   Digest *part);
extern void row_digest_end(Digest part, Digest *sum);

/*
 * Adds a row, whose attributes are all deformed. Values that must be fetched or
 * decompressed are so in the current memory context.
 */
extern void
row_digest_add(const RowDigest *rows, const Datum *values, const bool *isnull, Digest *sum);

#endif

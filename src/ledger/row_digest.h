/*
 * row_digest.h
 *		The digest of a set of source rows: a sum mod 2^128 of one hash a row.
 *
 * What goes in: each column that has a value, by its name, in the order of the
 * names; a null leaves no trace. So the digest does not depend on the order of
 * rows or of columns, nor on columns that are added later, provided that it is
 * computed over the same names. A value is hashed as it is stored (text and
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

/* The columns, in the order of their names, and their types, each as text[]. */
extern Datum row_digest_names(const RowDigest *rows);
extern Datum row_digest_types(const RowDigest *rows);

/*
 * Adds a row, whose attributes are all deformed. Values that must be fetched or
 * decompressed are so in the current memory context.
 */
extern void
row_digest_add(const RowDigest *rows, const Datum *values, const bool *isnull, Digest *sum);

#endif

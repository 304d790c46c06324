/*
 * seal_writer.c
 *		Seals of entries (see seal_writer.h).
 */
#include "seal/seal_writer.h"

#include "common/query.h"
#include "seal/bytes.h"
#include "seal/evidence.h"
#include "seal/exception_tree.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* The exceptions of a basis, which several books may share. */
typedef struct BasisExceptions
{
	Code basis;
	int64 count;
	Sha256 root;
} BasisExceptions;

static Datum
sums_to_datum(const BookSeal *book)
{
	Datum *values = palloc_array(Datum, book->nsums + 1);

	for (int i = 0; i < book->nsums; i++)
		values[i] = CStringGetTextDatum(
			psprintf("%s %s %s", form_code_back(book->sums[i].currency).data,
					 amount_to_text(book->sums[i].debit), amount_to_text(book->sums[i].credit)));
	return PointerGetDatum(construct_array(values, book->nsums, TEXTOID, -1, false, TYPALIGN_INT));
}

static const BasisExceptions *
exceptions_of(List **known, int64 run_id, Code basis, Hasher *hasher)
{
	BasisExceptions *exceptions;
	ListCell *lc;

	foreach(lc, *known)
		if (code_equal(((BasisExceptions *) lfirst(lc))->basis, basis))
			return lfirst(lc);
	exceptions = palloc0_object(BasisExceptions);
	exceptions->basis = basis;
	exceptions->root = exception_root(run_id, basis, hasher, &exceptions->count);
	*known = lappend(*known, exceptions);
	return exceptions;
}

static void
take_seal_id(TupleTableSlot *slot, void *arg)
{
	*(int64 *) arg = DatumGetInt64(query_value(slot, 0, Int64GetDatum(0)));
}

static int64
append_seal(const Sealed *sealed, const BookSeal *book, const BasisExceptions *exceptions)
{
	QueryArgs args = {0};
	int64 seal_id = 0;

	query_arg(&args, TEXTOID, CStringGetTextDatum(sealed->run_id != 0 ? "run" : "month"));
	if (sealed->run_id != 0)
	{
		query_arg(&args, INT8OID, Int64GetDatum(sealed->run_id));
		query_arg_null(&args, DATEOID);
	}
	else
	{
		query_arg_null(&args, INT8OID);
		query_arg(&args, DATEOID, DateADTGetDatum(sealed->month));
	}
	query_arg(&args, TEXTOID, code_to_datum(form_code_back(book->entity)));
	query_arg(&args, TEXTOID, code_to_datum(form_code_back(book->basis)));
	query_arg(&args, INT8OID, Int64GetDatum(book->headers));
	query_arg(&args, INT8OID, Int64GetDatum(book->lines));
	query_arg(&args, TEXTARRAYOID, sums_to_datum(book));
	query_arg(&args, TEXTOID, CStringGetTextDatum(form_to_text(sealed->header_form)));
	query_arg(&args, TEXTOID, CStringGetTextDatum(form_to_text(sealed->line_form)));
	query_arg(&args, BYTEAOID, bytes_to_datum(book->header_root.bytes, HASH_SIZE));
	query_arg(&args, BYTEAOID, bytes_to_datum(book->line_root.bytes, HASH_SIZE));
	if (exceptions != NULL)
	{
		query_arg(&args, INT8OID, Int64GetDatum(exceptions->count));
		query_arg(&args, BYTEAOID, bytes_to_datum(exceptions->root.bytes, HASH_SIZE));
	}
	else
	{
		query_arg_null(&args, INT8OID);
		query_arg_null(&args, BYTEAOID);
	}
	query_call(
		"SELECT acct._seal_entries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
		&args, take_seal_id, &seal_id);
	Assert(seal_id > 0);
	return seal_id;
}

void
seal_write(const Sealed *sealed, Hasher *hasher)
{
	List *books = book_seals(sealed->sections, hasher);
	List *known = NIL;
	ListCell *lc;

	foreach(lc, books)
	{
		const BookSeal *book = lfirst(lc);
		const BasisExceptions *exceptions =
			sealed->run_id == 0
				? NULL
				: exceptions_of(&known, sealed->run_id, form_code_back(book->basis), hasher);

		evidence_write(append_seal(sealed, book, exceptions), book, sealed->spool);
	}
}

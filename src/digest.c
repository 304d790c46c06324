/*
 * digest.c
 *		The digest of journal lines (see digest.h), and the SQL function that
 *		computes it for the lines that a query returns.
 */
#include "digest.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "query.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define SEED_HIGH UINT64CONST(0x6c65646765720001)
#define SEED_LOW  UINT64CONST(0x6c65646765720002)

static Digest
hash_bytes_128(const void *data, int size)
{
	Digest digest;

	digest.high = hash_bytes_extended(data, size, SEED_HIGH);
	digest.low = hash_bytes_extended(data, size, SEED_LOW);
	return digest;
}

Digest
digest_of_codes(const LineCodes *codes)
{
	const Code list[] = {codes->entity_code, codes->basis,        codes->account_code, codes->fund,
						 codes->currency,    codes->product_code, codes->channel};
	char buffer[512];
	char *bytes = buffer;
	int size = 0;
	int used = 0;
	Digest digest;

	for (int i = 0; i < lengthof(list); i++)
		size += list[i].len + 1;
	if (size > sizeof(buffer))
		bytes = palloc(size);
	for (int i = 0; i < lengthof(list); i++)
	{
		memcpy(bytes + used, list[i].data, list[i].len);
		used += list[i].len;
		bytes[used++] = '\0';
	}
	digest = hash_bytes_128(bytes, size);
	if (bytes != buffer)
		pfree(bytes);
	return digest;
}

void
digest_add_line(Digest *digest, Digest codes, int64 txn_id, DateADT je_date, int line_no,
				Amount debit, Amount credit)
{
	/* Amounts are below 2^67: what is beyond 64 bits goes with line_no. */
	struct
	{
		Digest codes;
		int64 txn_id;
		int32 je_date;
		int16 line_no;
		uint8 debit_high;
		uint8 credit_high;
		uint64 debit;
		uint64 credit;
	} line;

	line.codes = codes;
	line.txn_id = txn_id;
	line.je_date = je_date;
	line.line_no = (int16) line_no;
	line.debit_high = (uint8) (debit >> 64);
	line.credit_high = (uint8) (credit >> 64);
	line.debit = (uint64) debit;
	line.credit = (uint64) credit;
	StaticAssertStmt(sizeof(line) == 48, "a line is hashed without padding");
	digest_add(digest, hash_bytes_128(&line, sizeof(line)));
}

void
digest_add(Digest *digest, Digest more)
{
	digest->low += more.low;
	digest->high += more.high + (digest->low < more.low ? 1 : 0);
}

bool
digest_equal(Digest a, Digest b)
{
	return a.high == b.high && a.low == b.low;
}

void
digest_to_text(Digest digest, char text[DIGEST_TEXT_SIZE])
{
	snprintf(text, DIGEST_TEXT_SIZE, "%016llx%016llx", (unsigned long long) digest.high,
			 (unsigned long long) digest.low);
}

bool
digest_from_text(const char *text, Digest *digest)
{
	unsigned long long high;
	unsigned long long low;

	if (text == NULL || sscanf(text, "%16llx%16llx", &high, &low) != 2)
		return false;
	digest->high = high;
	digest->low = low;
	return true;
}

typedef struct LineSum
{
	MemoryContext row_context; /* of values that had to be fetched or decompressed */
	int64 lines;
	Amount debit;
	Amount credit;
	Digest digest;
} LineSum;

/* The columns of acct._digest_lines' query, in order. */
enum
{
	COL_TXN_ID,
	COL_JE_DATE,
	COL_LINE_NO,
	COL_ENTITY,
	COL_BASIS,
	COL_ACCOUNT,
	COL_FUND,
	COL_CURRENCY,
	COL_PRODUCT,
	COL_CHANNEL,
	COL_DEBIT,
	COL_CREDIT
};

/* Values are taken for what these types have in memory: the query may be anybody's. */
static void
require_line(TupleTableSlot *slot)
{
	static const Oid types[] = {INT8OID, DATEOID, INT2OID, TEXTOID, TEXTOID,    TEXTOID,
								TEXTOID, TEXTOID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID};
	TupleDesc tupdesc = slot->tts_tupleDescriptor;
	bool fits = tupdesc->natts == lengthof(types);

	for (int i = 0; fits && i < lengthof(types); i++)
		fits = TupleDescAttr(tupdesc, i)->atttypid == types[i] && !slot->tts_isnull[i];
	if (!fits)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("the query does not return journal lines")));
}

static void
add_row(TupleTableSlot *slot, void *arg)
{
	LineSum *sum = arg;
	MemoryContext old;
	Datum *v;
	LineCodes codes;
	Amount debit;
	Amount credit;

	old = MemoryContextSwitchTo(sum->row_context);
	slot_getallattrs(slot);
	require_line(slot);
	v = slot->tts_values;
	codes.entity_code = code_from_datum(v[COL_ENTITY]);
	codes.basis = code_from_datum(v[COL_BASIS]);
	codes.account_code = code_from_datum(v[COL_ACCOUNT]);
	codes.fund = code_from_datum(v[COL_FUND]);
	codes.currency = code_from_datum(v[COL_CURRENCY]);
	codes.product_code = code_from_datum(v[COL_PRODUCT]);
	codes.channel = code_from_datum(v[COL_CHANNEL]);
	debit = amount_from_stored(v[COL_DEBIT]);
	credit = amount_from_stored(v[COL_CREDIT]);
	digest_add_line(&sum->digest, digest_of_codes(&codes), DatumGetInt64(v[COL_TXN_ID]),
					DatumGetDateADT(v[COL_JE_DATE]), DatumGetInt16(v[COL_LINE_NO]), debit, credit);
	sum->lines++;
	sum->debit += debit;
	sum->credit += credit;
	MemoryContextSwitchTo(old);
	MemoryContextReset(sum->row_context);
}

PG_FUNCTION_INFO_V1(digest_lines);

Datum
digest_lines(PG_FUNCTION_ARGS)
{
	char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	LineSum sum = {0};
	TupleDesc tupdesc;
	char digest[DIGEST_TEXT_SIZE];
	Datum values[4];
	bool nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	sum.row_context =
		AllocSetContextCreate(CurrentMemoryContext, "digest row", ALLOCSET_DEFAULT_SIZES);
	query_open();
	query_each_row(sql, NULL, add_row, &sum);
	query_close();
	MemoryContextDelete(sum.row_context);

	digest_to_text(sum.digest, digest);
	values[0] = Int64GetDatum(sum.lines);
	values[1] = amount_to_new_numeric(sum.debit);
	values[2] = amount_to_new_numeric(sum.credit);
	values[3] = CStringGetTextDatum(digest);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

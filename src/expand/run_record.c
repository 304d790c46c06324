/*
 * run_record.c
 *		Writes what a run came to (see run_record.h).
 */
#include "expand/run_record.h"

#include "common/query.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

static void
put_key(JsonbParseState **json, const char *name)
{
	JsonbValue key = {.type = jbvString};

	key.val.string.val = (char *) name;
	key.val.string.len = strlen(name);
	pushJsonbValue(json, WJB_KEY, &key);
}

static void
put_count(JsonbParseState **json, const char *name, int64 count)
{
	JsonbValue value = {.type = jbvNumeric};

	value.val.numeric = int64_to_numeric(count);
	put_key(json, name);
	pushJsonbValue(json, WJB_VALUE, &value);
}

Datum
run_record_by_basis(const RunTally *tally, const Code *bases)
{
	JsonbParseState *json = NULL;

	pushJsonbValue(&json, WJB_BEGIN_OBJECT, NULL);
	for (int b = 0; b < tally->nbases; b++)
	{
		const Counts *c = &tally->basis_counts[b];

		put_key(&json, bases[b].data);
		pushJsonbValue(&json, WJB_BEGIN_OBJECT, NULL);
		put_count(&json, "journals", c->journals);
		put_count(&json, "exceptions", c->exceptions);
		put_count(&json, "ignored", c->ignored);
		pushJsonbValue(&json, WJB_END_OBJECT, NULL);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&json, WJB_END_OBJECT, NULL)));
}

/* The months whose journals lie in the run's own range, as date[]. */
static Datum
range_months(const JeIds *ids)
{
	Datum months[JE_ID_MAX_MONTHS];
	int count = 0;

	for (int i = 0; i < ids->nmonths; i++)
		if (ids->months[i].uses_range)
			months[count++] = DateADTGetDatum(ids->months[i].month);
	return PointerGetDatum(construct_array(months, count, DATEOID, 4, true, TYPALIGN_INT));
}

/* Of acct.journal_run, from the first arguments. */
#define RECORD_COLUMNS                                                                      \
	"transactions = $2, journals = $3, lines = $4, exceptions = $5, ignored = $6, "         \
	"unbalanced_journals = $7, debit = $8, credit = $9, digest = $10, basis_counts = $11, " \
	"range_months = $12"

/* Behind these, where there is an origin. */
#define ORIGIN_COLUMNS                                                                                      \
	", source_digest = $13, source_columns = $14, source_types = $15, "                                     \
	"policy_sums = $16::jsonb, policy_digest = acct._policy_digest($16::jsonb), "                           \
	"minor_units = (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each($17::jsonb) m " \
	"WHERE $20 OR m.key IN (SELECT t.currency FROM acct.journal_run_total t WHERE t.run_id = $1)), "        \
	"basis_policy = $18::jsonb, engine_version = $19"

/* Of a run whose transactions were counted before. */
#define ENTRY_COLUMNS                                           \
	"journals = $2, lines = $3, unbalanced_journals = $4, "     \
	"debit = $5, credit = $6, digest = $7, range_months = $8, " \
	"je_range = CASE WHEN $9 THEN je_range END"

/* And of its headers and of what the site added to lines, from the last arguments. */
#define ROW_RECORD(h_digest, h_columns, h_types, a_digest, a_columns, a_types)                   \
	", header_digest = $" h_digest ", header_columns = $" h_columns ", header_types = $" h_types \
	", added_digest = $" a_digest ", added_columns = $" a_columns ", added_types = $" a_types

#define UPDATE_RUN(list) "UPDATE acct.journal_run SET " list " WHERE run_id = $1"

/* A digest, and what it is of; NULL: there is none. */
static void
add_digest(QueryArgs *args, Digest sum, const RowDigest *rows)
{
	char digest[DIGEST_TEXT_SIZE];

	if (rows == NULL)
	{
		query_arg_null(args, TEXTOID);
		query_arg_null(args, TEXTARRAYOID);
		query_arg_null(args, TEXTARRAYOID);
		return;
	}
	digest_to_text(sum, digest);
	query_arg(args, TEXTOID, CStringGetTextDatum(digest));
	query_arg(args, TEXTARRAYOID, row_digest_names(rows));
	query_arg(args, TEXTARRAYOID, row_digest_types(rows));
}

/* What headers and added columns are digested with, as the last arguments; false where the layout does not keep it, or nothing is posted. */
static bool
add_rows(QueryArgs *args, const RunTally *tally, const RowDigest *headers, const RowDigest *added)
{
	if (headers == NULL ||
		get_attnum(ledger_engine_table("journal_run"), "added_digest") == InvalidAttrNumber)
		return false;
	add_digest(args, tally->headers, headers);
	add_digest(args, tally->added, added);
	return true;
}

static void
add_origin(QueryArgs *args, const RunOrigin *origin)
{
	query_arg(args, TEXTOID, origin->source_digest);
	query_arg(args, TEXTARRAYOID, origin->source_columns);
	query_arg(args, TEXTARRAYOID, origin->source_types);
	query_arg(args, TEXTOID, CStringGetTextDatum(origin->sums));
	query_arg(args, TEXTOID, CStringGetTextDatum(origin->minor_units));
	query_arg(args, TEXTOID, CStringGetTextDatum(origin->bases));
	query_arg(args, TEXTOID, CStringGetTextDatum(LEDGER_ENGINE_VERSION));
	query_arg(args, BOOLOID, BoolGetDatum(origin->every_currency));
}

void
run_record_save(int64 run_id, const RunTally *tally, const Code *bases, const JeIds *ids,
				const RowDigest *headers, const RowDigest *added, const RunOrigin *origin)
{
	Counts sum = run_tally_sum(tally);
	QueryArgs args = {0};
	char digest[DIGEST_TEXT_SIZE];

	digest_to_text(tally->lines, digest);
	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	query_arg(&args, INT8OID, Int64GetDatum(sum.transactions));
	query_arg(&args, INT8OID, Int64GetDatum(sum.journals));
	query_arg(&args, INT8OID, Int64GetDatum(sum.lines));
	query_arg(&args, INT8OID, Int64GetDatum(sum.exceptions));
	query_arg(&args, INT8OID, Int64GetDatum(sum.ignored));
	query_arg(&args, INT8OID, Int64GetDatum(tally->unbalanced));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.debit));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.credit));
	query_arg(&args, TEXTOID, CStringGetTextDatum(digest));
	query_arg(&args, JSONBOID, run_record_by_basis(tally, bases));
	query_arg(&args, DATEARRAYOID, range_months(ids));
	if (origin == NULL)
	{
		if (add_rows(&args, tally, headers, added))
			query_change(UPDATE_RUN(RECORD_COLUMNS ROW_RECORD("13", "14", "15", "16", "17", "18")),
						 &args);
		else
			query_change(UPDATE_RUN(RECORD_COLUMNS), &args);
		return;
	}
	add_origin(&args, origin);
	if (add_rows(&args, tally, headers, added))
		query_change(UPDATE_RUN(RECORD_COLUMNS ORIGIN_COLUMNS ROW_RECORD("21", "22", "23", "24",
																		 "25", "26")),
					 &args);
	else
		query_change(UPDATE_RUN(RECORD_COLUMNS ORIGIN_COLUMNS), &args);
}

void
run_record_save_entries(int64 run_id, const RunTally *tally, const JeIds *ids,
						const RowDigest *headers, const RowDigest *added)
{
	Counts sum = run_tally_sum(tally);
	QueryArgs args = {0};
	char digest[DIGEST_TEXT_SIZE];

	digest_to_text(tally->lines, digest);
	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	query_arg(&args, INT8OID, Int64GetDatum(sum.journals));
	query_arg(&args, INT8OID, Int64GetDatum(sum.lines));
	query_arg(&args, INT8OID, Int64GetDatum(tally->unbalanced));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.debit));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.credit));
	query_arg(&args, TEXTOID, CStringGetTextDatum(digest));
	query_arg(&args, DATEARRAYOID, range_months(ids));
	query_arg(&args, BOOLOID, BoolGetDatum(ids->has_range));
	if (add_rows(&args, tally, headers, added))
		query_change(UPDATE_RUN(ENTRY_COLUMNS ROW_RECORD("10", "11", "12", "13", "14", "15")),
					 &args);
	else
		query_change(UPDATE_RUN(ENTRY_COLUMNS), &args);
}

Datum
run_record_reasons(const Counts *counts)
{
	JsonbParseState *json = NULL;

	pushJsonbValue(&json, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < EXCEPTION_REASONS; i++)
		if (counts->by_reason[i] > 0)
			put_count(&json, exception_name(i), counts->by_reason[i]);
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&json, WJB_END_OBJECT, NULL)));
}

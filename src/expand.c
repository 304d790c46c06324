/*
 * expand.c
 *		acct._expand(): source transactions to journals in staging.
 *
 * One pass over the run's source rows:
 *
 *	the executor hands over a row -> its route -> for each basis a journal ->
 *	a header and lines into two bulk writers, or a row of je_exception
 *
 * Policy (templates, accounts, currencies, periods) is read before the pass.
 * Memory: policy and routes, which are bounded, in the function's context;
 * what a row needs in a per-row context that is reset after it; what the
 * writers buffer in theirs. Nothing grows with the number of rows.
 */
#include "ledger_engine.h"

#include "bulk_writer.h"
#include "columns.h"
#include "digest.h"
#include "journal.h"
#include "line_image.h"
#include "query.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "nodes/bitmapset.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(expand);

/* je_id_seq gives out blocks of so many identifiers. */
#define JE_ID_BLOCK 1000

/* Columns of the source that the engine itself reads. */
typedef struct SourceColumns
{
	AttrNumber txn_id;
	AttrNumber txn_month;
	AttrNumber value_date;
	AttrNumber codes[CODE_KEY_MAX]; /* in the order of a route's key */
	AttrNumber partition;           /* the row's tableoid, behind the table's own columns */
} SourceColumns;

static const char *const route_columns[CODE_KEY_MAX] = {"entity_code", "txn_type", "product_code",
														"channel", "currency"};

/* Columns of staging that the engine computes; the others it carries from the source. */
enum
{
	HEADER_JE_ID,
	HEADER_RUN_ID,
	HEADER_TXN_ID,
	HEADER_JE_DATE,
	HEADER_TXN_MONTH,
	HEADER_TEMPLATE_VERSION,
	HEADER_LINE_COUNT,
	HEADER_ENTITY,
	HEADER_BASIS,
	HEADER_TEMPLATE_CODE,
	HEADER_TXN_TYPE,
	HEADER_PRODUCT,
	HEADER_CHANNEL,
	HEADER_CURRENCY,
	HEADER_TOTAL_DEBIT,
	HEADER_TOTAL_CREDIT,
	HEADER_COLUMNS
};

static const char *const header_columns[] = {
	"je_id",      "run_id",      "txn_id",      "je_date",       "txn_month", "template_version",
	"line_count", "entity_code", "basis",       "template_code", "txn_type",  "product_code",
	"channel",    "currency",    "total_debit", "total_credit",  NULL};

static const Oid header_types[] = {INT8OID, INT8OID, INT8OID,    DATEOID,   DATEOID, INT4OID,
								   INT4OID, TEXTOID, TEXTOID,    TEXTOID,   TEXTOID, TEXTOID,
								   TEXTOID, TEXTOID, NUMERICOID, NUMERICOID};

static const char *const line_columns[] = {
	"je_id",        "run_id",  "txn_id",       "je_date", "line_no",
	"entity_code",  "basis",   "account_code", "fund",    "currency",
	"product_code", "channel", "debit",        "credit",  NULL};

static const Oid line_types[] = {INT8OID, INT8OID, INT8OID,    DATEOID,   INT2OID,
								 TEXTOID, TEXTOID, TEXTOID,    TEXTOID,   TEXTOID,
								 TEXTOID, TEXTOID, NUMERICOID, NUMERICOID};

enum
{
	EXCEPTION_COLUMN_RUN_ID,
	EXCEPTION_COLUMN_TXN_ID,
	EXCEPTION_COLUMN_TXN_MONTH,
	EXCEPTION_COLUMN_BASIS,
	EXCEPTION_COLUMN_REASON,
	EXCEPTION_COLUMN_TEMPLATE_CODE,
	EXCEPTION_COLUMN_TEMPLATE_VERSION,
	EXCEPTION_COLUMN_LINE_NO,
	EXCEPTION_COLUMN_MESSAGE,
	EXCEPTION_COLUMNS
};

static const char *const exception_columns[] = {
	"run_id",        "txn_id",           "txn_month", "basis",   "reason",
	"template_code", "template_version", "line_no",   "message", NULL};

static const Oid exception_types[] = {INT8OID, INT8OID, DATEOID, TEXTOID, TEXTOID,
									  TEXTOID, INT4OID, INT2OID, TEXTOID};

/* A table that rows are put into: a writer, and the row being put together. */
typedef struct Target
{
	BulkWriter *writer;
	AttrNumber *columns; /* numbers of the computed columns */
	int ncarried;
	CarriedColumn *carried;
	Datum *values;
	bool *isnull;
} Target;

typedef struct Counts
{
	int64 transactions;
	int64 journals;
	int64 lines;
	int64 exceptions;
	int64 ignored;
	Amount debit;
	Amount credit;
} Counts;

/* What became of the rows of one source partition. */
typedef struct PartitionCounts
{
	Oid partition;
	Counts counts;
	double elapsed_ms;
	struct PartitionCounts *next;
} PartitionCounts;

/* Rows of the source that are taken for the same bases. */
typedef struct Pass
{
	Datum bases;   /* text[], sorted */
	Datum batches; /* bigint[]; none when exceptions are taken up again */
	bool *takes_basis;
} Pass;

typedef struct Expand
{
	/* The run. */
	int64 run_id;
	DateADT txn_month;
	int64 reprocess_of; /* 0: none */
	int nbases;
	Code *bases;
	Datum *basis_datums;
	bool *every_transaction;

	List *passes;
	Pass *pass;      /* under way */
	int64 at_txn_id; /* transaction under way, 0 before the first */

	SourceColumns source;
	MemoryContext context;
	MemoryContext row_context;
	ExprContext *econtext;
	Routing *routing;
	Journal *journal;
	TotalSet totals;
	Target header;
	Target line;
	Target exception;
	bool use_images; /* the line table has the engine's columns alone */

	Oid je_id_sequence;
	int64 next_je_id;
	int64 last_je_id;

	Digest digest;
	int64 unbalanced;
	Counts *basis_counts;
	PartitionCounts *partitions;
	PartitionCounts *current;
	instr_time current_since;
} Expand;

static AttrNumber *
find_columns(BulkWriter *writer, const char *const *names, const Oid *types, int count)
{
	AttrNumber *numbers = palloc_array(AttrNumber, count);

	for (int i = 0; i < count; i++)
		numbers[i] =
			column_find(bulk_writer_descriptor(writer),
						RelationGetRelationName(bulk_writer_relation(writer)), names[i], types[i]);
	return numbers;
}

static void
open_target(Target *target, Oid relation, TupleDesc source, const char *const *names,
			const Oid *types, int count, bool frozen)
{
	static const char *const held_checks[] = {"staging_run", NULL};
	BulkWriterOptions options = {.held_checks = held_checks, .filled = names, .frozen = frozen};
	Bitmapset *filled = NULL;
	Relation rel = table_open(relation, RowExclusiveLock);

	if (source != NULL)
		target->ncarried =
			columns_carried(source, RelationGetDescr(rel), names, &target->carried, &filled);
	table_close(rel, NoLock);
	options.also_filled = filled;
	target->writer = bulk_writer_open(relation, &options);
	target->columns = find_columns(target->writer, names, types, count);
	target->values = palloc0_array(Datum, bulk_writer_descriptor(target->writer)->natts);
	target->isnull = palloc_array(bool, bulk_writer_descriptor(target->writer)->natts);
	memset(target->isnull, true, bulk_writer_descriptor(target->writer)->natts);
}

static inline void
set_column(Target *target, int column, Datum value)
{
	target->values[target->columns[column] - 1] = value;
	target->isnull[target->columns[column] - 1] = false;
}

static inline void
set_column_null(Target *target, int column)
{
	target->isnull[target->columns[column] - 1] = true;
}

static inline void
carry_columns(Target *target, TupleTableSlot *slot)
{
	for (int i = 0; i < target->ncarried; i++)
	{
		const CarriedColumn *c = &target->carried[i];

		target->values[c->to - 1] = slot->tts_values[c->from - 1];
		target->isnull[c->to - 1] = slot->tts_isnull[c->from - 1];
	}
}

static inline void
put_row(Target *target)
{
	bulk_writer_put(target->writer, target->values, target->isnull);
}

static int64
take_je_id(Expand *expand)
{
	if (expand->next_je_id > expand->last_je_id)
	{
		expand->last_je_id = nextval_internal(expand->je_id_sequence, false);
		expand->next_je_id = expand->last_je_id - JE_ID_BLOCK + 1;
	}
	return expand->next_je_id++;
}

/* A transaction as the engine reads it. */
typedef struct Transaction
{
	TupleTableSlot *slot;
	Route *route;
	int64 txn_id;
	DateADT txn_month;
	DateADT value_date;
	bool bad_date;
} Transaction;

static void
write_header(Expand *expand, const Transaction *txn, int basis, int64 je_id)
{
	Target *t = &expand->header;
	Journal *journal = expand->journal;
	Template *template = journal->candidate->template;
	char debit[AMOUNT_NUMERIC_SIZE];
	char credit[AMOUNT_NUMERIC_SIZE];

	carry_columns(t, txn->slot);
	set_column(t, HEADER_JE_ID, Int64GetDatum(je_id));
	set_column(t, HEADER_RUN_ID, Int64GetDatum(expand->run_id));
	set_column(t, HEADER_TXN_ID, Int64GetDatum(txn->txn_id));
	set_column(t, HEADER_JE_DATE, DateADTGetDatum(txn->value_date));
	set_column(t, HEADER_TXN_MONTH, DateADTGetDatum(txn->txn_month));
	set_column(t, HEADER_TEMPLATE_VERSION, Int32GetDatum(template->version));
	set_column(t, HEADER_LINE_COUNT, Int32GetDatum(journal->nlines));
	set_column(t, HEADER_ENTITY, txn->route->codes[ROUTE_ENTITY]);
	set_column(t, HEADER_BASIS, expand->basis_datums[basis]);
	set_column(t, HEADER_TEMPLATE_CODE, template->code_datum);
	set_column(t, HEADER_TXN_TYPE, txn->route->codes[ROUTE_TXN_TYPE]);
	set_column(t, HEADER_PRODUCT, txn->route->codes[ROUTE_PRODUCT]);
	set_column(t, HEADER_CHANNEL, txn->route->codes[ROUTE_CHANNEL]);
	set_column(t, HEADER_CURRENCY, txn->route->codes[ROUTE_CURRENCY]);
	set_column(t, HEADER_TOTAL_DEBIT, amount_to_numeric(journal->debit, debit));
	set_column(t, HEADER_TOTAL_CREDIT, amount_to_numeric(journal->credit, credit));
	put_row(t);
}

/* The columns of a line that its route and template line fix. */
static void
set_line(Expand *expand, const Transaction *txn, int basis, int line_no, const RouteLine *where)
{
	Target *t = &expand->line;

	set_column(t, LINE_RUN_ID, Int64GetDatum(expand->run_id));
	set_column(t, LINE_LINE_NO, Int16GetDatum(line_no));
	set_column(t, LINE_ENTITY, txn->route->codes[ROUTE_ENTITY]);
	set_column(t, LINE_BASIS, expand->basis_datums[basis]);
	set_column(t, LINE_ACCOUNT, where->account_code);
	set_column(t, LINE_FUND, where->fund);
	set_column(t, LINE_CURRENCY, txn->route->codes[ROUTE_CURRENCY]);
	set_column(t, LINE_PRODUCT, txn->route->codes[ROUTE_PRODUCT]);
	set_column(t, LINE_CHANNEL, txn->route->codes[ROUTE_CHANNEL]);
}

/* The row of a line where no image serves: the table has columns of the site's, or the row is long. */
static void
put_line(Expand *expand, const Transaction *txn, int basis, int64 je_id, int line_no,
		 const RouteLine *where, const JournalLine *line)
{
	Target *t = &expand->line;
	char debit[AMOUNT_NUMERIC_SIZE];
	char credit[AMOUNT_NUMERIC_SIZE];

	carry_columns(t, txn->slot);
	set_line(expand, txn, basis, line_no, where);
	set_column(t, LINE_JE_ID, Int64GetDatum(je_id));
	set_column(t, LINE_TXN_ID, Int64GetDatum(txn->txn_id));
	set_column(t, LINE_JE_DATE, DateADTGetDatum(txn->value_date));
	set_column(t, LINE_DEBIT, amount_to_numeric(line->debit, debit));
	set_column(t, LINE_CREDIT, amount_to_numeric(line->credit, credit));
	put_row(t);
}

static bool
has_image(Expand *expand, const Transaction *txn, int basis, int line_no, RouteLine *where)
{
	if (likely(where->image != NULL))
		return true;
	if (!expand->use_images)
		return false;
	set_line(expand, txn, basis, line_no, where);
	where->image = line_image_make(bulk_writer_descriptor(expand->line.writer), expand->line.values,
								   GetMemoryChunkContext(expand->journal->candidate->lines));
	return where->image != NULL;
}

static void
write_lines(Expand *expand, const Transaction *txn, int basis, int64 je_id)
{
	Journal *journal = expand->journal;
	Template *template = journal->candidate->template;

	for (int i = 0; i < template->nlines; i++)
	{
		const JournalLine *line = &journal->lines[i];
		RouteLine *where = &journal->candidate->lines[i];
		int line_no = template->lines[i].line_no;

		if (!line->kept)
			continue;
		if (has_image(expand, txn, basis, line_no, where))
			line_image_put(where->image, expand->line.writer, je_id, txn->txn_id, txn->value_date,
						   line->debit, line->credit);
		else
			put_line(expand, txn, basis, je_id, line_no, where, line);
		total_add(where->total, line->debit, line->credit);
		digest_add_line(&expand->digest, where->codes, txn->txn_id, txn->value_date, line_no,
						line->debit, line->credit);
	}
}

static void
write_journal(Expand *expand, const Transaction *txn, int basis)
{
	Journal *journal = expand->journal;
	Counts *counts = &expand->current->counts;
	int64 je_id = take_je_id(expand);

	write_header(expand, txn, basis, je_id);
	write_lines(expand, txn, basis, je_id);
	counts->journals++;
	counts->lines += journal->nlines;
	counts->debit += journal->debit;
	counts->credit += journal->credit;
	expand->basis_counts[basis].journals++;
	if (journal->debit != journal->credit)
		expand->unbalanced++;
}

static void
write_exception(Expand *expand, const Transaction *txn, int basis)
{
	Target *t = &expand->exception;
	Candidate *candidate = expand->journal->candidate;
	Exception *exception = &expand->journal->exception;

	set_column(t, EXCEPTION_COLUMN_RUN_ID, Int64GetDatum(expand->run_id));
	set_column(t, EXCEPTION_COLUMN_TXN_ID, Int64GetDatum(txn->txn_id));
	set_column(t, EXCEPTION_COLUMN_TXN_MONTH, DateADTGetDatum(txn->txn_month));
	set_column(t, EXCEPTION_COLUMN_BASIS, expand->basis_datums[basis]);
	set_column(t, EXCEPTION_COLUMN_REASON, CStringGetTextDatum(exception_name(exception->reason)));
	set_column(t, EXCEPTION_COLUMN_MESSAGE, CStringGetTextDatum(exception->message));
	if (candidate != NULL)
	{
		set_column(t, EXCEPTION_COLUMN_TEMPLATE_CODE, candidate->template->code_datum);
		set_column(t, EXCEPTION_COLUMN_TEMPLATE_VERSION,
				   Int32GetDatum(candidate->template->version));
	}
	else
	{
		set_column_null(t, EXCEPTION_COLUMN_TEMPLATE_CODE);
		set_column_null(t, EXCEPTION_COLUMN_TEMPLATE_VERSION);
	}
	if (exception->line_no != 0)
		set_column(t, EXCEPTION_COLUMN_LINE_NO, Int16GetDatum(exception->line_no));
	else
		set_column_null(t, EXCEPTION_COLUMN_LINE_NO);
	put_row(t);
	expand->current->counts.exceptions++;
	expand->basis_counts[basis].exceptions++;
}

/* Time runs for the partition that the last row came from. */
static void
count_time(Expand *expand)
{
	instr_time now;
	instr_time spent;

	INSTR_TIME_SET_CURRENT(now);
	if (expand->current != NULL)
	{
		spent = now;
		INSTR_TIME_SUBTRACT(spent, expand->current_since);
		expand->current->elapsed_ms += INSTR_TIME_GET_MILLISEC(spent);
	}
	expand->current_since = now;
}

static void
enter_partition(Expand *expand, Oid partition)
{
	PartitionCounts *p;

	if (expand->current != NULL && expand->current->partition == partition)
		return;
	count_time(expand);
	for (p = expand->partitions; p != NULL && p->partition != partition; p = p->next)
		;
	if (p == NULL)
	{
		p = MemoryContextAllocZero(expand->context, sizeof(PartitionCounts));
		p->partition = partition;
		p->next = expand->partitions;
		expand->partitions = p;
	}
	expand->current = p;
}

static void
read_transaction(Expand *expand, TupleTableSlot *slot, Transaction *txn)
{
	const SourceColumns *source = &expand->source;
	Code codes[CODE_KEY_MAX];

	slot_getallattrs(slot);
	txn->slot = slot;
	txn->txn_id = DatumGetInt64(slot->tts_values[source->txn_id - 1]);
	txn->txn_month = DatumGetDateADT(slot->tts_values[source->txn_month - 1]);
	txn->value_date = DatumGetDateADT(slot->tts_values[source->value_date - 1]);
	txn->bad_date = !routing_accepts_date(expand->routing, txn->value_date);
	for (int i = 0; i < CODE_KEY_MAX; i++)
		codes[i] = code_from_datum(slot->tts_values[source->codes[i] - 1]);
	txn->route =
		routing_find(expand->routing, codes, txn->bad_date ? txn->txn_month : txn->value_date);
}

static void
expand_row(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->row_context);
	Transaction txn;

	read_transaction(expand, slot, &txn);
	enter_partition(expand, DatumGetObjectId(slot->tts_values[expand->source.partition - 1]));
	expand->current->counts.transactions++;
	expand->at_txn_id = txn.txn_id;
	expand->econtext->ecxt_scantuple = slot;

	for (int basis = 0; basis < expand->nbases; basis++)
	{
		if (!expand->pass->takes_basis[basis])
			continue;
		switch (journal_build(expand->journal, txn.route, basis, expand->every_transaction[basis],
							  txn.bad_date))
		{
			case JOURNAL_MADE:
				write_journal(expand, &txn, basis);
				break;
			case JOURNAL_IGNORED:
				expand->current->counts.ignored++;
				expand->basis_counts[basis].ignored++;
				break;
			case JOURNAL_EXCEPTION:
				write_exception(expand, &txn, basis);
				break;
			case JOURNAL_NOT_IN_BASIS:
				break;
		}
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(expand->econtext);
}

static void
take_run(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;

	expand->txn_month = DatumGetDateADT(query_value(slot, 0, 0));
	expand->reprocess_of = DatumGetInt64(query_value(slot, 1, Int64GetDatum(0)));
}

static void
take_basis(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->context);
	int b = expand->nbases++;
	int count = (int) DatumGetInt64(query_value(slot, 2, 0));

	if (b == 0)
	{
		expand->bases = palloc_array(Code, count);
		expand->basis_datums = palloc_array(Datum, count);
		expand->every_transaction = palloc_array(bool, count);
		expand->basis_counts = palloc0_array(Counts, count);
	}
	expand->bases[b] = code_from_cstring(query_text(slot, 0));
	expand->basis_datums[b] = code_to_datum(expand->bases[b]);
	expand->every_transaction[b] = DatumGetBool(query_value(slot, 1, 0));
	MemoryContextSwitchTo(old);
}

static void
load_run(Expand *expand)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_each_row("SELECT txn_month, reprocess_of FROM acct.journal_run WHERE run_id = $1", &args,
				   take_run, expand);
	query_each_row(
		"SELECT b.basis, b.every_transaction, count(*) OVER () FROM acct.journal_run r "
		"JOIN acct.accounting_basis b ON b.basis = ANY (r.bases) WHERE r.run_id = $1 ORDER BY 1",
		&args, take_basis, expand);
}

static void
find_source_columns(Expand *expand, Relation source)
{
	TupleDesc tupdesc = RelationGetDescr(source);
	const char *name = RelationGetRelationName(source);

	expand->source.txn_id = column_find(tupdesc, name, "txn_id", INT8OID);
	expand->source.txn_month = column_find(tupdesc, name, "txn_month", DATEOID);
	expand->source.value_date = column_find(tupdesc, name, "bank_value_date", DATEOID);
	for (int i = 0; i < CODE_KEY_MAX; i++)
		expand->source.codes[i] = column_find(tupdesc, name, route_columns[i], TEXTOID);
	expand->source.partition = tupdesc->natts + 1;
}

/* SELECT list whose columns have the numbers of the table's own, dropped ones as NULL. */
static void
append_source_list(StringInfo sql, Relation source)
{
	TupleDesc tupdesc = RelationGetDescr(source);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped)
			appendStringInfoString(sql, "NULL::integer, ");
		else
			appendStringInfo(sql, "s.%s, ", quote_identifier(NameStr(att->attname)));
	}
	appendStringInfoString(sql, "s.tableoid");
}

static void
take_pass(TupleTableSlot *slot, void *arg)
{
	Expand *expand = arg;
	MemoryContext old = MemoryContextSwitchTo(expand->context);
	Pass *pass = palloc0_object(Pass);
	Datum *names;
	int count;

	pass->bases = datumCopy(query_value(slot, 0, (Datum) 0), false, -1);
	if (expand->reprocess_of == 0)
		pass->batches = datumCopy(query_value(slot, 1, (Datum) 0), false, -1);
	pass->takes_basis = palloc0_array(bool, expand->nbases);
	deconstruct_array(DatumGetArrayTypeP(pass->bases), TEXTOID, -1, false, TYPALIGN_INT, &names,
					  NULL, &count);
	for (int i = 0; i < count; i++)
		for (int b = 0; b < expand->nbases; b++)
			if (code_equal(code_from_datum(names[i]), expand->bases[b]))
				pass->takes_basis[b] = true;
	expand->passes = lappend(expand->passes, pass);
	MemoryContextSwitchTo(old);
}

/* Each batch, or when exceptions are taken up again each transaction, is in one pass: that of its bases. */
static void
plan_passes(Expand *expand)
{
	QueryArgs args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	if (expand->reprocess_of == 0)
		query_each_row(
			"SELECT c.bases, array_agg(c.batch_id) FROM "
			"(SELECT batch_id, array_agg(basis ORDER BY basis) AS bases "
			"FROM acct.journal_run_batch WHERE run_id = $1 GROUP BY batch_id) AS c GROUP BY c.bases",
			&args, take_pass, expand);
	else
		query_each_row("SELECT DISTINCT array_agg(basis ORDER BY basis) FROM acct.je_exception "
					   "WHERE resolved_by_run = $1 GROUP BY txn_id, txn_month",
					   &args, take_pass, expand);
}

static void
run_pass(Expand *expand, Pass *pass, const char *list)
{
	QueryArgs args = {0};

	expand->pass = pass;
	query_arg(&args, DATEOID, DateADTGetDatum(expand->txn_month));
	if (expand->reprocess_of == 0)
	{
		query_arg(&args, INT8ARRAYOID, pass->batches);
		query_each_row(psprintf("SELECT %s FROM acct.txn_source_parent s "
								"WHERE s.txn_month = $1 AND s.batch_id = ANY ($2)",
								list),
					   &args, expand_row, expand);
		return;
	}
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_arg(&args, TEXTARRAYOID, pass->bases);
	query_each_row(psprintf("SELECT %s FROM (SELECT txn_id, txn_month FROM acct.je_exception "
							"WHERE resolved_by_run = $2 GROUP BY txn_id, txn_month "
							"HAVING array_agg(basis ORDER BY basis) = $3) AS e "
							"JOIN acct.txn_source_parent s USING (txn_id, txn_month) "
							"WHERE s.txn_month = $1",
							list),
				   &args, expand_row, expand);
}

/* Says of an error where it happened. */
static void
describe_position(void *arg)
{
	Expand *expand = arg;

	if (expand->at_txn_id != 0)
		errcontext("expanding run " INT64_FORMAT ", transaction " INT64_FORMAT, expand->run_id,
				   expand->at_txn_id);
	else
		errcontext("expanding run " INT64_FORMAT, expand->run_id);
}

static void
run_passes(Expand *expand, Relation source)
{
	ErrorContextCallback position = {.callback = describe_position, .arg = expand};
	StringInfoData list;
	ListCell *lc;

	initStringInfo(&list);
	append_source_list(&list, source);
	plan_passes(expand);
	position.previous = error_context_stack;
	error_context_stack = &position;
	foreach(lc, expand->passes)
		run_pass(expand, lfirst(lc), list.data);
	error_context_stack = position.previous;
}

static char *
basis_counts_json(Expand *expand)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int b = 0; b < expand->nbases; b++)
	{
		Counts *c = &expand->basis_counts[b];

		if (b > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, expand->bases[b].data);
		appendStringInfo(&json,
						 ": {\"journals\": " INT64_FORMAT ", \"exceptions\": " INT64_FORMAT
						 ", \"ignored\": " INT64_FORMAT "}",
						 c->journals, c->exceptions, c->ignored);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

static void
save_run(Expand *expand)
{
	QueryArgs args = {0};
	Counts sum = {0};
	char digest[DIGEST_TEXT_SIZE];

	for (PartitionCounts *p = expand->partitions; p != NULL; p = p->next)
	{
		sum.transactions += p->counts.transactions;
		sum.journals += p->counts.journals;
		sum.lines += p->counts.lines;
		sum.exceptions += p->counts.exceptions;
		sum.ignored += p->counts.ignored;
		sum.debit += p->counts.debit;
		sum.credit += p->counts.credit;
	}
	digest_to_text(expand->digest, digest);
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_arg(&args, INT8OID, Int64GetDatum(sum.transactions));
	query_arg(&args, INT8OID, Int64GetDatum(sum.journals));
	query_arg(&args, INT8OID, Int64GetDatum(sum.lines));
	query_arg(&args, INT8OID, Int64GetDatum(sum.exceptions));
	query_arg(&args, INT8OID, Int64GetDatum(sum.ignored));
	query_arg(&args, INT8OID, Int64GetDatum(expand->unbalanced));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.debit));
	query_arg(&args, NUMERICOID, amount_to_new_numeric(sum.credit));
	query_arg(&args, TEXTOID, CStringGetTextDatum(digest));
	query_arg(&args, TEXTOID, CStringGetTextDatum(basis_counts_json(expand)));
	query_change(
		"UPDATE acct.journal_run SET transactions = $2, journals = $3, lines = $4, exceptions = $5, "
		"ignored = $6, unbalanced_journals = $7, debit = $8, credit = $9, digest = $10, "
		"basis_counts = $11::jsonb WHERE run_id = $1",
		&args);
}

static void
return_counts(Expand *expand, ReturnSetInfo *rsinfo)
{
	for (PartitionCounts *p = expand->partitions; p != NULL; p = p->next)
	{
		Datum values[9];
		bool nulls[9] = {false};
		char *name = get_rel_name(p->partition);

		values[0] = CStringGetTextDatum(name ? name : "-");
		values[1] = Int64GetDatum(p->counts.transactions);
		values[2] = Int64GetDatum(p->counts.journals);
		values[3] = Int64GetDatum(p->counts.lines);
		values[4] = Int64GetDatum(p->counts.exceptions);
		values[5] = Int64GetDatum(p->counts.ignored);
		values[6] = amount_to_new_numeric(p->counts.debit);
		values[7] = amount_to_new_numeric(p->counts.credit);
		values[8] = Float8GetDatum(p->elapsed_ms);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

static void
open_targets(Expand *expand, Relation source, Oid header, Oid line)
{
	TupleDesc tupdesc = RelationGetDescr(source);

	open_target(&expand->header, header, tupdesc, header_columns, header_types, HEADER_COLUMNS,
				true);
	open_target(&expand->line, line, tupdesc, line_columns, line_types, LINE_COLUMNS, true);
	expand->use_images =
		line_image_fits(bulk_writer_descriptor(expand->line.writer), expand->line.columns);
	open_target(&expand->exception, ledger_engine_table("je_exception"), NULL, exception_columns,
				exception_types, EXCEPTION_COLUMNS, false);
}

Datum
expand(PG_FUNCTION_ARGS)
{
	Expand *expand = palloc0_object(Expand);
	MemoryContext caller = CurrentMemoryContext;
	EState *estate = CreateExecutorState();
	Relation source;
	int pinned;

	InitMaterializedSRF(fcinfo, 0);
	expand->context = AllocSetContextCreate(caller, "expand", ALLOCSET_DEFAULT_SIZES);
	expand->econtext = GetPerTupleExprContext(estate);
	expand->row_context = expand->econtext->ecxt_per_tuple_memory;
	expand->run_id = PG_GETARG_INT64(0);
	expand->je_id_sequence = ledger_engine_table("je_id_seq");
	INSTR_TIME_SET_CURRENT(expand->current_since);

	query_open();
	MemoryContextSwitchTo(expand->context);
	pinned = expression_pin_settings();
	source = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	load_run(expand);
	find_source_columns(expand, source);
	total_init(&expand->totals, expand->context);
	expand->routing =
		routing_load(source, expand->txn_month, expand->nbases, expand->bases, &expand->totals);
	expand->journal = journal_create(expand->routing, expand->econtext);
	open_targets(expand, source, PG_GETARG_OID(1), PG_GETARG_OID(2));

	run_passes(expand, source);

	bulk_writer_close(expand->header.writer);
	bulk_writer_close(expand->line.writer);
	bulk_writer_close(expand->exception.writer);
	count_time(expand);
	total_save(&expand->totals, expand->run_id);
	save_run(expand);
	table_close(source, AccessShareLock);
	expression_unpin_settings(pinned);
	query_close();

	MemoryContextSwitchTo(caller);
	return_counts(expand, (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextDelete(expand->context);
	FreeExecutorState(estate);
	PG_RETURN_VOID();
}

/*
 * expand.c
 *		acct._expand(): source transactions to journals in staging.
 *
 * One pass over the run's source rows:
 *
 *	the executor hands over a row -> its route -> for each basis a journal ->
 *	a header and lines into two bulk writers, or a row of je_exception
 *
 * A correction is two passes: the first compares what rows come to with what is
 * posted for them, the second expands those of which the first found that
 * something differs (acct._evaluate).
 *
 * Policy (templates, accounts, currencies, periods) is read before the pass.
 * Policy and source are read under one snapshot, in workers too. It is taken
 * when the expansion has every lock that it could have to wait for.
 * Memory: policy and routes, which are bounded, in the function's context;
 * what a row needs in a per-row context that is reset after it; what the
 * writers buffer in theirs. Nothing grows with the number of rows.
 */
#include "expand/expand.h"

#include "common/citus.h"
#include "common/crash_point.h"
#include "common/progress.h"
#include "common/query.h"
#include "common/settings_scope.h"
#include "expand/expand_parallel.h"
#include "expand/run_record.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* The tables that an expansion reads, apart from the source. */
static const char *const tables_read[] = {"accounting_basis",
										  "accounting_period",
										  "archived_partition",
										  "book",
										  "chart_of_accounts",
										  "cluster_member",
										  "currency",
										  "entity",
										  "entity_place",
										  "fund",
										  "journal_run",
										  "journal_run_batch",
										  "journal_template",
										  "journal_template_line",
										  "journal_template_match",
										  "posting_limit",
										  "policy_change",
										  "product_account_map"};

LEDGER_FUNCTION(ledger_expand);
LEDGER_FUNCTION(ledger_evaluate);

/*
 * What a pass over batches reads from. Of a run that took part of a month it is the month's own
 * table, with a condition on the month that no index serves: the planner, which
 * may have no statistics, could take the key's for the index of batches.
 */
static char *
batch_rows(Expand *expand)
{
	List *leaves = expand->is_small ? source_leaves(expand->source_table, expand->txn_month) : NIL;
	Oid leaf;

	if (list_length(leaves) != 1)
		return "acct.txn_source_parent s WHERE s.txn_month = $1";
	leaf = linitial_oid(leaves);
	return psprintf("ONLY %s s WHERE s.txn_month IS NOT DISTINCT FROM $1",
					quote_qualified_identifier(get_namespace_name(get_rel_namespace(leaf)),
											   get_rel_name(leaf)));
}

static void
run_pass(Expand *expand, Pass *pass, const char *list)
{
	QueryArgs args = {0};
	const char *taken;

	expand->pass = pass;
	query_arg(&args, DATEOID, DateADTGetDatum(expand->txn_month));
	if (expand->reprocess_of == 0)
	{
		query_arg(&args, INT8ARRAYOID, pass->batches);
		if (expand->place != NULL)
		{
			query_arg(&args, TIDOID, expand->place[0]);
			query_arg(&args, TIDOID, expand->place[1]);
		}
		query_each_row(psprintf("SELECT %s FROM %s AND s.batch_id = ANY ($2)%s", list,
								batch_rows(expand),
								expand->place != NULL ? " AND s.ctid BETWEEN $3 AND $4" : ""),
					   &args, expand_row, expand);
		return;
	}
	query_arg(&args, INT8OID, Int64GetDatum(expand->source_run));
	query_arg(&args, TEXTARRAYOID, pass->bases);
	/* Where all are taken for the same bases, each is there once for the first of them. */
	taken = list_length(expand->passes) == 1
				? "WHERE basis = $3[1]"
				: "GROUP BY txn_id, txn_month HAVING array_agg(basis ORDER BY basis) = $3";
	query_each_row(
		psprintf("SELECT %s FROM (SELECT txn_id, txn_month FROM acct._taken_again($2) %s) AS e "
				 "JOIN acct.txn_source_parent s USING (txn_id, txn_month) "
				 "WHERE s.txn_month = $1",
				 list, taken),
		&args, expand_row, expand);
}

/*
 * Where a run took little of a month, its rows are found by index; where it takes
 * much of another run again, by reading the month, as no statistics tell.
 */
static int
choose_access(const Expand *expand)
{
	static const ScopedSetting by_index[] = {{"enable_seqscan", "off"}, {"jit", "off"}};
	static const ScopedSetting by_month[] = {{"enable_nestloop", "off"}, {"jit", "off"}};

	if (expand->is_small)
		return settings_scope_open(by_index, lengthof(by_index));
	return settings_scope_open(by_month, expand->reprocess_of != 0 ? lengthof(by_month) : 0);
}

static void
run_passes(Expand *expand)
{
	char *list = source_select_list(expand->source_table);
	int scope = choose_access(expand);
	ListCell *lc;

	expand_push_position(expand);
	foreach(lc, expand->passes)
		run_pass(expand, lfirst(lc), list);
	expand_pop_position(expand);
	settings_scope_close(scope);
}

void
expand_all(Expand *expand, ExpandAim aim)
{
	expand->aim = aim;
	progress_phase(PHASE_READING_SOURCE, progress_rows_of_step());
	if (!expand_in_parallel(expand))
		run_passes(expand);
}

/* Without workers. */
static void
compare_alone(Expand *expand)
{
	uint32 nbuckets = line_buckets_count(expand->journals);
	void *memory = palloc_extended(line_buckets_size(nbuckets), MCXT_ALLOC_HUGE);
	pg_atomic_uint64 next;

	line_buckets_init(memory, nbuckets);
	pg_atomic_init_u64(&next, 0);
	expand->comparison =
		comparison_open(expand->source_table, expand->nbases, expand->bases, memory, nbuckets);
	run_passes(expand);
	comparison_take_queries(expand->comparison, expand->posted);
	comparison_take_tables(expand->comparison, expand->posted->tables, expand->posted->ntables,
						   &next);
	expand->found = comparison_found(expand->comparison);
	comparison_close(expand->comparison);
	pfree(memory);
}

/* Stages what differs from what is posted; nothing is counted but what was compared. */
static void
stage_differing(Expand *expand)
{
	expand->aim = AIM_COMPARE;
	progress_phase(PHASE_READING_SOURCE, progress_rows_of_step());
	if (!expand_in_parallel(expand))
		compare_alone(expand);
	CRASH_POINT("correction_found");
	expand_all(expand, AIM_STAGE_FOUND);
}

/* Where a policy goes, and the memory that it is kept in. */
typedef struct PolicyReader
{
	MemoryContext context;
	RunOrigin *origin;
} PolicyReader;

static void
take_policy(TupleTableSlot *slot, void *arg)
{
	PolicyReader *reader = arg;
	MemoryContext old = MemoryContextSwitchTo(reader->context);

	reader->origin->sums = query_text(slot, 0);
	reader->origin->minor_units = query_text(slot, 1);
	reader->origin->bases = query_text(slot, 2);
	MemoryContextSwitchTo(old);
}

/* What identifies the policy that the snapshot shows; false in the layout of 0.1.0, which does not keep it. */
static bool
load_policy(Expand *expand, RunOrigin *origin)
{
	PolicyReader reader = {expand->context, origin};
	QueryArgs args = {0};

	if (expand->rows == NULL ||
		!OidIsValid(get_relname_relid("policy_change", ledger_engine_schema())))
		return false;
	query_arg(&args, INT8OID, Int64GetDatum(expand->run_id));
	query_each_row_kept(
		"SELECT acct._policy_kept()::text, (SELECT coalesce(jsonb_object_agg(currency, minor_units), '{}')::text "
		"FROM acct.currency), coalesce(acct._basis_policy($1), '{}')::text",
		&args, take_policy, &reader);
	return true;
}

/* Which source rows the run used: their digest, and the columns that it is of. */
static void
note_source(const Expand *expand, RunOrigin *origin)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_to_text(expand->tally.source_rows, digest);
	origin->source_digest = CStringGetTextDatum(digest);
	origin->source_columns = row_digest_names(expand->rows);
	origin->source_types = row_digest_types(expand->rows);
}

/*
 * The first nine columns, or with exceptions by reason ten: version 0.1.0 of the SQL has nine. An evaluation has
 * eleven: the first row has the buckets in which something differs.
 */
static void
return_counts(Expand *expand, ReturnSetInfo *rsinfo)
{
	bytea *found = (bytea *) expand->found;

	for (PartitionCounts *p = expand->tally.partitions; p != NULL; p = p->next)
	{
		Datum values[11];
		bool nulls[11] = {false};
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
		values[9] = run_record_reasons(&p->counts);
		values[10] = PointerGetDatum(found);
		nulls[10] = found == NULL;
		found = NULL;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* The two places of an array, tid[]; NULL where it has not two, as in SQL of version 0.1.0, which gives none. */
static Datum *
place_from_array(Datum array)
{
	Datum *places;
	int count;

	deconstruct_array(DatumGetArrayTypeP(array), TIDOID, sizeof(ItemPointerData), false,
					  TYPALIGN_SHORT, &places, NULL, &count);
	return count == 2 ? places : NULL;
}

static void
take_month(TupleTableSlot *slot, void *arg)
{
	*(DateADT *) arg = DatumGetDateADT(query_value(slot, 0, 0));
}

/* A table of the source whose rows Citus keeps on other nodes looks empty here. */
static void
refuse_elsewhere(Oid table)
{
	if (citus_manages(table))
		ereport(ERROR, (errcode(ERRCODE_LE_UNSUPPORTED_TABLE),
						errmsg("transactions in tables that Citus distributes are not supported"),
						errdetail("Table %s is read in bulk.", get_rel_name(table)),
						errhint("Each node of Citus has a complete ledger of its own: load the "
								"transactions of an entity on its node.")));
}

/*
 * Takes the locks that the queries of an expansion and its writers would take, so
 * that nothing waits any more once the snapshot is there: what others commit
 * before a wait ends is seen by all of it, what they commit later by none.
 */
static void
lock_tables(int64 run_id)
{
	Relation source = table_open(ledger_engine_table("txn_source_parent"), AccessShareLock);
	DateADT txn_month = 0;
	QueryArgs args = {0};
	ListCell *lc;

	for (int i = 0; i < lengthof(tables_read); i++)
	{
		/* The layout of 0.1.0 has not all of them. */
		Oid table = get_relname_relid(tables_read[i], ledger_engine_schema());

		if (OidIsValid(table))
			LockRelationOid(table, AccessShareLock);
	}
	LockRelationOid(ledger_engine_table("je_exception"), RowExclusiveLock);
	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	query_each_row_kept(EXPAND_RUN_QUERY("s.txn_month"), &args, take_month, &txn_month);
	refuse_elsewhere(RelationGetRelid(source));
	foreach(lc, source_leaves(source, txn_month))
		refuse_elsewhere(lfirst_oid(lc));
	table_close(source, NoLock);
}

/* The tables that an evaluation reads by page, regclass[]. */
static void
take_tables(Datum tables, Posted *posted)
{
	Datum *oids;

	deconstruct_array(DatumGetArrayTypeP(tables), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT,
					  &oids, NULL, &posted->ntables);
	posted->tables = palloc_array(PostedTable, posted->ntables + 1);
	for (int i = 0; i < posted->ntables; i++)
	{
		Relation rel = table_open(DatumGetObjectId(oids[i]), AccessShareLock);

		posted->tables[i].table = RelationGetRelid(rel);
		posted->tables[i].nblocks = RelationGetNumberOfBlocks(rel);
		table_close(rel, NoLock);
	}
}

/* posted is NULL where nothing is compared; else what is compared with. By which policy: expand_open(). */
static void
expand_run(FunctionCallInfo fcinfo, MemoryContext context, const Posted *posted, Datum policy_items)
{
	MemoryContext caller = CurrentMemoryContext;
	RunOrigin origin = {0};
	bool has_origin;
	Expand *expand;
	int scope;

	query_open();
	MemoryContextSwitchTo(context);
	scope = settings_scope_open_pinned();
	progress_phase(PHASE_READING_POLICY, PROGRESS_NO_ROWS);
	lock_tables(PG_GETARG_INT64(0));
	PushActiveSnapshot(GetTransactionSnapshot());
	expand = expand_open(context, PG_GETARG_INT64(0), policy_items, PG_GETARG_OID(1),
						 PG_GETARG_OID(2), NULL);
	expand->posted = posted;
	/* Of a month in one table alone: a place in several says nothing. */
	if (posted == NULL && PG_NARGS() > 3 && expand->is_small &&
		list_length(source_leaves(expand->source_table, expand->txn_month)) == 1)
		expand->place = place_from_array(PG_GETARG_DATUM(3));
	has_origin = load_policy(expand, &origin);
	CRASH_POINT("expand_opened");
	if (posted != NULL)
		stage_differing(expand);
	else
		expand_all(expand, AIM_STAGE);
	CRASH_POINT("expand_rows_done");
	progress_phase(PHASE_RECORDING_TOTALS, PROGRESS_NO_ROWS);
	expand_close(expand);
	PopActiveSnapshot();
	CRASH_POINT("expand_written");
	run_total_save(&expand->tally.totals, expand->run_id);
	if (has_origin)
		note_source(expand, &origin);
	/* What a correction books is known later, and is in currencies that may be any. */
	origin.every_currency = posted != NULL;
	/* What an evaluation stages is not posted. */
	run_record_save(expand->run_id, &expand->tally, expand->bases, &expand->ids,
					posted == NULL ? staging_header_digest(expand->staging) : NULL,
					posted == NULL ? staging_added_digest(expand->staging) : NULL,
					has_origin ? &origin : NULL);
	CRASH_POINT("expand_recorded");
	settings_scope_close(scope);
	query_close();

	MemoryContextSwitchTo(caller);
	return_counts(expand, (ReturnSetInfo *) fcinfo->resultinfo);
}

Datum
ledger_expand(PG_FUNCTION_ARGS)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "expand", ALLOCSET_DEFAULT_SIZES);

	InitMaterializedSRF(fcinfo, 0);
	expand_run(fcinfo, context, NULL, (Datum) 0);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}

/* p_run_id, p_header, p_line, p_posted_tables, p_posted, p_corrections, p_policy */
Datum
ledger_evaluate(PG_FUNCTION_ARGS)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "evaluate", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	Posted posted = {0};
	Datum policy_items = (Datum) 0;

	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			elog(ERROR, "an evaluation needs a run and its tables");
	InitMaterializedSRF(fcinfo, 0);
	old = MemoryContextSwitchTo(context);
	if (!PG_ARGISNULL(3))
		take_tables(PG_GETARG_DATUM(3), &posted);
	if (!PG_ARGISNULL(4))
		posted.lines = text_to_cstring(PG_GETARG_TEXT_PP(4));
	if (!PG_ARGISNULL(5))
		posted.corrections = text_to_cstring(PG_GETARG_TEXT_PP(5));
	if (!PG_ARGISNULL(6))
		policy_items = PointerGetDatum(PG_GETARG_ARRAYTYPE_P_COPY(6));
	MemoryContextSwitchTo(old);
	expand_run(fcinfo, context, &posted, policy_items);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}

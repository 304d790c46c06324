/*
 * post_lines.c
 *		Posts lines.
 *
 * Where the run has partitions of its own, expand left their lines in extents
 * by account (page_groups.h). A look at the first row of each extent gives the
 * plan: extents in the order of month, account and fund, and the place of each
 * in its partition. Then whole pages are copied, by several processes where
 * there are workers, each line being checked to belong there, added up and
 * digested on the way.
 *
 * What does not fit that goes row by row: lines of small runs, of months with
 * few, extents in which a line of another account turned up (a superuser may
 * have rewritten staging), and tables that cannot be filled by page. Of a run
 * that shares staging with others, they are found by index.
 */
#include "post/post_lines.h"

#include "common/crash_point.h"
#include "common/parallel_work.h"
#include "common/progress.h"
#include "ledger/je_id.h"
#include "ledger/shared_staging.h"
#include "post/ledger_target.h"
#include "post/line_seals.h"
#include "table/page_file.h"
#include "table/page_groups.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* The longest code that an account of the plan may have; lines of longer ones go row by row. */
#define MAX_CODE 100

/* An extent of staging whose rows are lines of one account. */
typedef struct Extent
{
	BlockNumber from;
	BlockNumber to;
	int32 account;
	bool left; /* not copied: a row does not belong there */
} Extent;

/* Month, account and fund of an extent's lines. */
typedef struct ExtentAccount
{
	int32 month;
	int32 account_size;
	int32 fund_size;
	char account_code[MAX_CODE];
	char fund[MAX_CODE];
} ExtentAccount;

typedef struct PlanMonth
{
	DateADT first_day;
	DateADT next_first_day;
	Oid partition; /* to be filled by page; InvalidOid: not so */
} PlanMonth;

/* What all processes see. The accounts, the extents, and the sums of months by process follow it. */
typedef struct CopyPlan
{
	Oid staging;
	int64 first_je_id; /* of the run's own range */
	int64 end_je_id;
	RowStamp stamp;
	pg_atomic_uint64 next;
	int64 nextents;
	int naccounts;
	PlanMonth months[JE_ID_MAX_MONTHS];
} CopyPlan;

/* A process that copies extents. */
typedef struct Copier
{
	CopyPlan *plan;
	ExtentAccount *accounts;
	Extent *extents;
	PageReader staging;
	LineReader *reader;
	Relation partitions[JE_ID_MAX_MONTHS];
	PageFile *files[JE_ID_MAX_MONTHS];
	LineSum sums[JE_ID_MAX_MONTHS];
	char *pages;
} Copier;

/* Rows one by one. */
typedef struct RowPoster
{
	Post *post;
	LedgerTarget *lines;  /* by month */
	LedgerTarget *ranges; /* by month */
	PageReader pages;
	LineReader *reader;
	TupleTableSlot *slot;
	BoundForm *form; /* of staging's rows, for the seal */
	Datum *values;   /* of a row */
	bool *isnull;
} RowPoster;

struct LinePass
{
	Post *post;
	Relation staging;
	bool is_shared;      /* with other runs: its rows are found by index, one by one */
	BlockNumber nblocks; /* none then */
	PageFile *files[JE_ID_MAX_MONTHS]; /* of partitions of the run's own range filled by page */
	bool copies;                       /* there are such */
	ExtentMap map;                     /* by the month's number, account and fund */
	int64 *first_je_ids;               /* by extent: the je_id of its first line */
	Extent *extents;                   /* those of a group, to be copied */
	RowPoster poster;
	ParallelWork work;
	CopyPlan *plan;
};

PGDLLEXPORT void ledger_engine_post_lines_worker(dsm_segment *seg, shm_toc *toc);

static ExtentAccount *
plan_accounts(CopyPlan *plan)
{
	return (ExtentAccount *) ((char *) plan + MAXALIGN(sizeof(CopyPlan)));
}

static Extent *
plan_extents(CopyPlan *plan)
{
	return (Extent *) ((char *) plan_accounts(plan) +
					   MAXALIGN(plan->naccounts * sizeof(ExtentAccount)));
}

/* What a process copied, by month: written by it when it is done. */
static LineSum *
plan_sums(CopyPlan *plan, int process)
{
	return (LineSum *) ((char *) plan_extents(plan) + MAXALIGN(plan->nextents * sizeof(Extent))) +
		   process * JE_ID_MAX_MONTHS;
}

/* The size of a plan for so many processes. */
static Size
plan_size(const ExtentMap *map, int nprocesses)
{
	return MAXALIGN(sizeof(CopyPlan)) + MAXALIGN(map->ngroups * sizeof(ExtentAccount)) +
		   MAXALIGN(map->nextents * sizeof(Extent)) +
		   nprocesses * JE_ID_MAX_MONTHS * sizeof(LineSum);
}

/* The month of a journal date, if it is one of those whose partitions are filled by page; else -1. */
static int
find_plan_month(const LinePass *pass, DateADT date)
{
	const Post *post = pass->post;

	for (int i = 0; i < post->nmonths; i++)
		if (date >= post->months[i].first_day && date < post->months[i].next_first_day)
			return pass->files[i] != NULL ? i : -1;
	return -1;
}

/* Month, account and fund of an extent by its first row; false where its rows are to be posted one by one. */
static bool
account_of(BlockNumber first, CodeKey *key, void *arg)
{
	LinePass *pass = arg;
	HeapTupleData tuple;
	Line line;

	if (!pass->copies || first + EXTENT_PAGES > pass->nblocks ||
		page_reader_page(&pass->poster.pages, first) < FirstOffsetNumber ||
		!page_reader_row(&pass->poster.pages, FirstOffsetNumber, &tuple))
		return false;
	line_reader_read(pass->poster.reader, &tuple, &line);
	pass->first_je_ids[first / EXTENT_PAGES] = line.je_id;
	key->number = find_plan_month(pass, line.je_date);
	key->codes[0] = line.account_code;
	key->codes[1] = line.fund;
	return key->number >= 0 && post_owns(pass->post, line.je_id) &&
		   line.account_code.len <= MAX_CODE && line.fund.len <= MAX_CODE;
}

/* Sets where in its partition each extent goes; the sizes that the partitions come to. */
static void
place_extents(LinePass *pass, BlockNumber sizes[JE_ID_MAX_MONTHS])
{
	const ExtentMap *map = &pass->map;

	pass->extents = palloc_extended(sizeof(Extent) * (map->nextents + 1), MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < map->nextents; i++)
	{
		int month = map->groups[map->extents[i].group]->number;
		Extent extent = {map->extents[i].block, sizes[month], map->extents[i].group, false};

		pass->extents[i] = extent;
		sizes[month] += EXTENT_PAGES;
	}
}

static void
fill_plan(LinePass *pass, CopyPlan *plan)
{
	const Post *post = pass->post;
	const ExtentMap *map = &pass->map;

	plan->staging = RelationGetRelid(pass->staging);
	plan->first_je_id = post->first_je_id;
	plan->end_je_id = post->end_je_id;
	plan->nextents = map->nextents;
	plan->naccounts = map->ngroups;
	pg_atomic_init_u64(&plan->next, 0);
	for (int i = 0; i < post->nmonths; i++)
	{
		PlanMonth *m = &plan->months[i];

		m->first_day = post->months[i].first_day;
		m->next_first_day = post->months[i].next_first_day;
		if (pass->files[i] == NULL)
			continue;
		m->partition = post->months[i].range_partition;
		plan->stamp = page_file_stamp(pass->files[i]);
	}
	for (int i = 0; i < map->ngroups; i++)
	{
		const CodeKey *key = map->groups[i];
		ExtentAccount *account = &plan_accounts(plan)[i];

		account->month = key->number;
		account->account_size = key->codes[0].len;
		account->fund_size = key->codes[1].len;
		memcpy(account->account_code, key->codes[0].data, key->codes[0].len);
		memcpy(account->fund, key->codes[1].data, key->codes[1].len);
	}
	memcpy(plan_extents(plan), pass->extents, map->nextents * sizeof(Extent));
}

static Copier *
copier_open(CopyPlan *plan, Relation staging, Snapshot snapshot)
{
	Copier *copier = palloc0_object(Copier);

	copier->plan = plan;
	copier->accounts = plan_accounts(plan);
	copier->extents = plan_extents(plan);
	page_reader_open(&copier->staging, staging, snapshot);
	copier->reader = line_reader_open(staging);
	copier->pages = page_file_alloc_extent();
	for (int i = 0; i < JE_ID_MAX_MONTHS; i++)
		if (OidIsValid(plan->months[i].partition))
		{
			copier->partitions[i] = table_open(plan->months[i].partition, AccessShareLock);
			copier->files[i] = page_file_join(copier->partitions[i], plan->stamp, NULL);
		}
	return copier;
}

/* False for a row that is older than a column of its table: the column's value is known to that table alone. */
static inline bool
has_all_columns(HeapTuple tuple, Relation rel)
{
	return HeapTupleHeaderGetNatts(tuple->t_data) == RelationGetNumberOfAttributes(rel);
}

static bool
is_code(Code code, const char *data, int size)
{
	return code.len == size && memcmp(code.data, data, size) == 0;
}

/* Adds up the lines of the page read last; false where one of them is not of the account, or not to be copied as it is. */
static bool
add_page(Copier *copier, OffsetNumber last, const ExtentAccount *account, LineSum *sum)
{
	const PlanMonth *month = &copier->plan->months[account->month];

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;

		if (!page_reader_row(&copier->staging, i, &tuple))
			continue;
		if (HeapTupleHasExternal(&tuple) || !has_all_columns(&tuple, copier->staging.rel))
			return false;
		line_reader_read(copier->reader, &tuple, &line);
		if (line.je_date < month->first_day || line.je_date >= month->next_first_day ||
			line.je_id < copier->plan->first_je_id || line.je_id >= copier->plan->end_je_id ||
			!is_code(line.account_code, account->account_code, account->account_size) ||
			!is_code(line.fund, account->fund, account->fund_size))
			return false;
		line_sum_add(sum, &line);
	}
	return true;
}

static void
copy_extent(Copier *copier, Extent *extent)
{
	const ExtentAccount *account = &copier->accounts[extent->account];
	LineSum sum = {0};

	Assert(extent->account >= 0 && extent->account < copier->plan->naccounts);
	Assert(copier->files[account->month] != NULL);
	for (int i = 0; i < EXTENT_PAGES; i++)
	{
		OffsetNumber last =
			page_reader_page_to(&copier->staging, extent->from + i, copier->pages + i * BLCKSZ);

		if (!add_page(copier, last, account, &sum))
		{
			extent->left = true;
			return;
		}
	}
	page_file_write(copier->files[account->month], extent->to, copier->pages);
	line_sum_add_sum(&copier->sums[account->month], &sum);
	progress_add(sum.lines);
}

/* Copies extents, one after the other, until all are taken. */
static void
copy_extents(Copier *copier)
{
	CopyPlan *plan = copier->plan;

	for (;;)
	{
		uint64 n = pg_atomic_fetch_add_u64(&plan->next, 1);

		CHECK_FOR_INTERRUPTS();
		if (n >= plan->nextents)
			break;
		copy_extent(copier, &copier->extents[n]);
		if (IsParallelWorker())
			CRASH_POINT("post_worker_copied");
		else
			CRASH_POINT("post_copied");
	}
	memcpy(plan_sums(plan, parallel_work_process()), copier->sums, sizeof(copier->sums));
}

static void
copier_close(Copier *copier)
{
	line_reader_close(copier->reader);
	page_reader_close(&copier->staging);
	for (int i = 0; i < JE_ID_MAX_MONTHS; i++)
		if (copier->partitions[i] != NULL)
		{
			page_file_close(copier->files[i]);
			table_close(copier->partitions[i], NoLock);
		}
}

void
ledger_engine_post_lines_worker(dsm_segment *seg, shm_toc *toc)
{
	CopyPlan *plan = parallel_work_attach(toc);
	Relation staging = table_open(plan->staging, AccessShareLock);
	Copier *copier = copier_open(plan, staging, GetActiveSnapshot());

	copy_extents(copier);
	copier_close(copier);
	table_close(staging, NoLock);
	parallel_work_leave();
}

/* Adds a line to the seal, as it is stored. */
static void
seal_row(RowPoster *poster, HeapTuple tuple)
{
	heap_deform_tuple(tuple, RelationGetDescr(poster->pages.rel), poster->values, poster->isnull);
	post_seals_add(poster->post->seals, poster->form, poster->values, poster->isnull);
}

static void
post_row(RowPoster *poster, HeapTuple tuple)
{
	Post *post = poster->post;
	Line line;
	LedgerMonth *month;
	LedgerTarget *target;
	int m;

	line_reader_read(poster->reader, tuple, &line);
	month = post_find_month(post, line.je_date);
	m = month - post->months;
	target = &poster->lines[m];
	if (je_id_in_range(line.je_id))
	{
		/* No partition of the ledger takes it that this run may write to. */
		if (!post_owns(post, line.je_id) ||
			(month->by_je_id && !OidIsValid(month->range_partition)))
			ereport(ERROR, (errcode(ERRCODE_LE_OUT_OF_BALANCE),
							errmsg("staging of run " INT64_FORMAT
								   " holds a line whose je_id is not one of the run's",
								   post->run_id)));
		if (OidIsValid(month->range_partition))
			target = &poster->ranges[m];
	}
	line_sum_add(&month->lines, &line);
	seal_row(poster, tuple);
	if (target->same_layout && !HeapTupleHasExternal(tuple) &&
		has_all_columns(tuple, poster->pages.rel))
		bulk_writer_put_row(target->writer, tuple->t_data, tuple->t_len);
	else
	{
		ExecStoreHeapTuple(tuple, poster->slot, false);
		slot_getallattrs(poster->slot);
		ledger_target_put(target, poster->slot);
		ExecClearTuple(poster->slot);
	}
}

static void
post_extent_by_row(RowPoster *poster, BlockNumber first, BlockNumber nblocks)
{
	for (BlockNumber block = first; block < Min(first + EXTENT_PAGES, nblocks); block++)
	{
		OffsetNumber last;

		CHECK_FOR_INTERRUPTS();
		last = page_reader_page(&poster->pages, block);
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			HeapTupleData tuple;

			if (!page_reader_row(&poster->pages, i, &tuple))
				continue;
			MemoryContextSwitchTo(poster->post->row_context);
			post_row(poster, &tuple);
			MemoryContextSwitchTo(poster->post->context);
			MemoryContextReset(poster->post->row_context);
		}
		progress_add(last);
	}
}

/* Adds the lines of extents that were copied to the seal, in any order. */
static void
seal_extents(RowPoster *poster, const MergedExtent *extents, int64 nextents)
{
	for (int64 n = 0; n < nextents * EXTENT_PAGES; n++)
	{
		OffsetNumber last;

		CHECK_FOR_INTERRUPTS();
		last = page_reader_page(&poster->pages, extents[n / EXTENT_PAGES].block + n % EXTENT_PAGES);
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			HeapTupleData tuple;

			if (!page_reader_row(&poster->pages, i, &tuple))
				continue;
			MemoryContextSwitchTo(poster->post->row_context);
			seal_row(poster, &tuple);
			MemoryContextSwitchTo(poster->post->context);
			MemoryContextReset(poster->post->row_context);
		}
		progress_add(last);
	}
}

/* The run's lines in a table that it shares with other runs. */
static void
post_shared(RowPoster *poster, Relation staging)
{
	Post *post = poster->post;
	KeyScan rows;
	HeapTupleData tuple;

	shared_staging_open(&rows, staging, post->run_id, post->snapshot);
	while (key_scan_next(&rows, &tuple))
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(post->row_context);
		post_row(poster, &tuple);
		MemoryContextSwitchTo(post->context);
		MemoryContextReset(post->row_context);
		progress_add(1);
	}
	key_scan_close(&rows);
}

static void
open_targets(Post *post, TupleDesc tupdesc, LedgerTarget *lines, LedgerTarget *ranges)
{
	for (int i = 0; i < post->nmonths; i++)
	{
		ledger_target_open(&lines[i], post->months[i].line_partition, tupdesc, false,
						   &post->index_builds);
		if (OidIsValid(post->months[i].range_partition))
			ledger_target_open(&ranges[i], post->months[i].range_partition, tupdesc, false,
							   &post->index_builds);
	}
}

static void
close_targets(Post *post, LedgerTarget *lines, LedgerTarget *ranges)
{
	for (int i = 0; i < post->nmonths; i++)
	{
		if (ranges[i].writer != NULL)
			ledger_target_close(&ranges[i]);
		ledger_target_close(&lines[i]);
	}
}

/* Adds up what the processes copied of a month, whose partition's statistics count it. */
static void
take_sums(LinePass *pass, int month)
{
	LineSum sum = {0};

	for (int i = 0; i <= pass->work.nworkers; i++)
		line_sum_add_sum(&sum, &plan_sums(pass->plan, i)[month]);
	Assert(sum.lines >= 0 && (pass->files[month] != NULL || sum.lines == 0));
	line_sum_add_sum(&pass->post->months[month].lines, &sum);
	if (pass->files[month] != NULL)
		page_file_count(pass->files[month], sum.lines);
}

LinePass *
post_lines_open(Post *post, Relation staging)
{
	LinePass *pass = palloc0_object(LinePass);
	TupleDesc tupdesc = RelationGetDescr(staging);
	RowPoster *poster = &pass->poster;
	BlockNumber sizes[JE_ID_MAX_MONTHS] = {0};

	pass->post = poster->post = post;
	pass->staging = staging;
	pass->is_shared = staging_is_shared(staging);
	pass->nblocks = pass->is_shared ? 0 : RelationGetNumberOfBlocks(staging);
	poster->lines = palloc0_array(LedgerTarget, post->nmonths + 1);
	poster->ranges = palloc0_array(LedgerTarget, post->nmonths + 1);
	open_targets(post, tupdesc, poster->lines, poster->ranges);
	for (int i = 0; i < post->nmonths; i++)
		pass->files[i] = poster->ranges[i].file;
	page_reader_open(&poster->pages, staging, post->snapshot);
	poster->reader = line_reader_open(staging);
	poster->slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsHeapTuple);
	poster->form =
		post_seals_bind(post->seals, ROW_LINE, tupdesc, RelationGetRelationName(staging));
	poster->values = palloc_array(Datum, tupdesc->natts + 1);
	poster->isnull = palloc_array(bool, tupdesc->natts + 1);
	for (int i = 0; i < post->nmonths; i++)
		pass->copies = pass->copies || pass->files[i] != NULL;
	pass->first_je_ids =
		palloc_extended((pass->nblocks / EXTENT_PAGES + 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	page_groups_read(&pass->map, pass->nblocks, account_of, pass);
	place_extents(pass, sizes);
	for (int i = 0; i < post->nmonths; i++)
		if (pass->files[i] != NULL)
			page_file_reserve(pass->files[i], sizes[i]);
	return pass;
}

void
post_lines_launch(LinePass *pass)
{
	int nworkers = parallel_work_workers(pass->map.nextents * EXTENT_PAGES);

	parallel_work_begin(&pass->work, "ledger_engine_post_lines_worker",
						plan_size(&pass->map, nworkers + 1), nworkers);
	pass->plan = pass->work.shared;
	fill_plan(pass, pass->plan);
	parallel_work_launch(&pass->work);
}

void
post_lines_copy(LinePass *pass)
{
	Copier *copier = copier_open(pass->plan, pass->staging, pass->post->snapshot);

	copy_extents(copier);
	copier_close(copier);
	parallel_work_wait(&pass->work);
	for (int i = 0; i < pass->post->nmonths; i++)
		take_sums(pass, i);
	memcpy(pass->extents, plan_extents(pass->plan), pass->map.nextents * sizeof(Extent));
	parallel_work_end(&pass->work);
}

void
post_lines_write_rest(LinePass *pass)
{
	for (int64 i = 0; i < pass->map.nextents; i++)
		if (pass->extents[i].left)
			post_extent_by_row(&pass->poster, pass->extents[i].from, pass->nblocks);
	for (int64 i = 0; i < pass->map.nloose; i++)
		post_extent_by_row(&pass->poster, pass->map.loose[i], pass->nblocks);
	if (pass->is_shared)
		post_shared(&pass->poster, pass->staging);
}

/* The copied extents of a group, at the end of those that were collected; false where lines of it went row by row, too. */
static bool
collect_group(LinePass *pass, int number, int64 *next, SealedGroup *group, MergedExtent *extents)
{
	const CodeKey *key = pass->map.groups[number];
	bool is_pure = !post_seals_have_lines(
		pass->post->seals, pass->post->months[key->number].first_day, key->codes[1], key->codes[0]);

	for (; *next < pass->map.nextents && pass->map.extents[*next].group == number; (*next)++)
	{
		BlockNumber block = pass->extents[*next].from;
		MergedExtent extent = {block, pass->first_je_ids[block / EXTENT_PAGES]};

		if (!pass->extents[*next].left)
			extents[group->first + group->count++] = extent;
	}
	return is_pure;
}

void
post_lines_seal(LinePass *pass)
{
	SealedGroup *groups = palloc0_array(SealedGroup, pass->map.ngroups + 1);
	MergedExtent *extents =
		palloc_extended(sizeof(MergedExtent) * (pass->map.nextents + 1), MCXT_ALLOC_HUGE);
	int64 next = 0;
	int64 from = 0;
	int ngroups = 0;

	if (pass->post->seals == NULL || pass->map.nextents == 0)
		return;
	progress_phase(PHASE_SEALING, PROGRESS_NO_ROWS);
	for (int i = 0; i < pass->map.ngroups; i++)
	{
		SealedGroup *group = &groups[ngroups];

		group->first = from;
		group->count = 0;
		if (collect_group(pass, i, &next, group, extents))
		{
			from += group->count;
			ngroups++;
		}
		else
			seal_extents(&pass->poster, extents + group->first, group->count);
	}
	line_seals_add(pass->post->seals, pass->staging, groups, ngroups, extents, from);
	for (int i = 0; i < ngroups; i++)
		if (!groups[i].sealed)
			seal_extents(&pass->poster, extents + groups[i].first, groups[i].count);
	pfree(extents);
	pfree(groups);
}

void
post_lines_close(LinePass *pass)
{
	RowPoster *poster = &pass->poster;

	line_reader_close(poster->reader);
	page_reader_close(&poster->pages);
	ExecDropSingleTupleTableSlot(poster->slot);
	close_targets(pass->post, poster->lines, poster->ranges);
}

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
 * have rewritten staging), and tables that cannot be filled by page.
 */
#include "post/post_lines.h"

#include "common/crash_point.h"
#include "common/parallel_work.h"
#include "common/progress.h"
#include "ledger/je_id.h"
#include "post/ledger_target.h"
#include "table/page_file.h"
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

/* The plan while it is made. */
typedef struct KnownAccount
{
	CodeKey key; /* account, fund; the month */
	int number;
	int rank;
} KnownAccount;

typedef struct Survey
{
	CodeMap accounts;
	int naccounts;
	KnownAccount **list;
	int64 nextents;
	Extent *extents;
	int64 nloose;
	BlockNumber *loose; /* first blocks of extents to be posted row by row */
} Survey;

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
	char *page;
} RowPoster;

struct LinePass
{
	Post *post;
	Relation staging;
	BlockNumber nblocks;
	LedgerTarget *
		filled; /* of the partitions of the run's own range, by month, those that are filled by page */
	Survey survey;
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
plan_size(const Survey *survey, int nprocesses)
{
	return MAXALIGN(sizeof(CopyPlan)) + MAXALIGN(survey->naccounts * sizeof(ExtentAccount)) +
		   MAXALIGN(survey->nextents * sizeof(Extent)) +
		   nprocesses * JE_ID_MAX_MONTHS * sizeof(LineSum);
}

/* The month of a journal date, if it is one of those whose partitions are filled by page; else -1. */
static int
find_plan_month(const Post *post, const LedgerTarget *ranges, DateADT date)
{
	for (int i = 0; i < post->nmonths; i++)
		if (date >= post->months[i].first_day && date < post->months[i].next_first_day)
			return ranges[i].writer != NULL ? i : -1;
	return -1;
}

/* The account of an extent by its first row; NULL where its rows are to be posted one by one. */
static KnownAccount *
survey_extent(Post *post, const LedgerTarget *ranges, Survey *survey, RowPoster *poster,
			  BlockNumber block)
{
	HeapTupleData tuple;
	Line line;
	int month;
	CodeKey key = {0, 2};
	KnownAccount *account;
	bool found;

	if (!page_reader_page(&poster->pages, block, poster->page) ||
		!page_reader_row(&poster->pages, poster->page, FirstOffsetNumber, &tuple))
		return NULL;
	line_reader_read(poster->reader, &tuple, &line);
	month = find_plan_month(post, ranges, line.je_date);
	if (month < 0 || !post_owns(post, line.je_id) || line.account_code.len > MAX_CODE ||
		line.fund.len > MAX_CODE)
		return NULL;
	key.number = month;
	key.codes[0] = line.account_code;
	key.codes[1] = line.fund;
	account = code_map_enter(&survey->accounts, &key, &found);
	if (!found)
		account->number = survey->naccounts++;
	return account;
}

static int
compare_accounts(const void *a, const void *b)
{
	const CodeKey *x = &(*(KnownAccount *const *) a)->key;
	const CodeKey *y = &(*(KnownAccount *const *) b)->key;
	int by_account;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	by_account = code_compare(x->codes[0], y->codes[0]);
	return by_account != 0 ? by_account : code_compare(x->codes[1], y->codes[1]);
}

/* Ranks accounts by month, account and fund, and puts the extents in that order. */
static void
sort_extents(Survey *survey)
{
	KnownAccount **by_number = palloc_array(KnownAccount *, survey->naccounts + 1);
	int64 *first =
		palloc0_array(int64, survey->naccounts + 2); /* by rank: where its extents begin */
	Extent *sorted = palloc_extended(sizeof(Extent) * (survey->nextents + 1), MCXT_ALLOC_HUGE);
	HASH_SEQ_STATUS scan;
	KnownAccount *account;

	survey->list = palloc_array(KnownAccount *, survey->naccounts + 1);
	hash_seq_init(&scan, survey->accounts.table);
	while ((account = hash_seq_search(&scan)) != NULL)
		survey->list[account->number] = by_number[account->number] = account;
	qsort(survey->list, survey->naccounts, sizeof(KnownAccount *), compare_accounts);
	for (int i = 0; i < survey->naccounts; i++)
		survey->list[i]->rank = i;
	for (int64 i = 0; i < survey->nextents; i++)
	{
		survey->extents[i].account = by_number[survey->extents[i].account]->rank;
		first[survey->extents[i].account + 1]++;
	}
	for (int i = 1; i <= survey->naccounts; i++)
		first[i] += first[i - 1];
	for (int64 i = 0; i < survey->nextents; i++)
		sorted[first[survey->extents[i].account]++] = survey->extents[i];
	for (int64 i = 1; i < survey->nextents; i++)
		Assert(sorted[i - 1].account < sorted[i].account ||
			   (sorted[i - 1].account == sorted[i].account && sorted[i - 1].from < sorted[i].from));
	pfree(survey->extents);
	pfree(first);
	pfree(by_number);
	survey->extents = sorted;
}

/* Looks at the first row of each extent of staging. */
static void
make_survey(Post *post, const LedgerTarget *ranges, Survey *survey, RowPoster *poster,
			BlockNumber nblocks)
{
	int64 capacity = nblocks / EXTENT_PAGES + 1;
	bool any = false;

	for (int i = 0; i < post->nmonths; i++)
		any = any || ranges[i].writer != NULL;
	code_map_init(&survey->accounts, "accounts of extents", sizeof(KnownAccount), post->context);
	survey->extents = palloc_extended(sizeof(Extent) * capacity, MCXT_ALLOC_HUGE);
	survey->loose = palloc_extended(sizeof(BlockNumber) * capacity, MCXT_ALLOC_HUGE);
	for (BlockNumber block = 0; block < nblocks; block += EXTENT_PAGES)
	{
		KnownAccount *account = NULL;

		CHECK_FOR_INTERRUPTS();
		if (any && block + EXTENT_PAGES <= nblocks)
			account = survey_extent(post, ranges, survey, poster, block);
		if (account != NULL)
		{
			Extent extent = {block, 0, account->number, false};

			survey->extents[survey->nextents++] = extent;
		}
		else
			survey->loose[survey->nloose++] = block;
	}
	/* Each extent is copied or posted row by row, and not twice. */
	Assert(survey->nextents + survey->nloose == (nblocks + EXTENT_PAGES - 1) / EXTENT_PAGES);
	sort_extents(survey);
}

/* Sets where in its partition each extent goes; the sizes that the partitions come to. */
static void
place_extents(Survey *survey, BlockNumber sizes[JE_ID_MAX_MONTHS])
{
	for (int64 i = 0; i < survey->nextents; i++)
	{
		int month = survey->list[survey->extents[i].account]->key.number;

		survey->extents[i].to = sizes[month];
		sizes[month] += EXTENT_PAGES;
	}
}

static void
fill_plan(Post *post, CopyPlan *plan, const Survey *survey, const LedgerTarget *ranges,
		  Relation staging)
{
	plan->staging = RelationGetRelid(staging);
	plan->first_je_id = post->first_je_id;
	plan->end_je_id = post->end_je_id;
	plan->nextents = survey->nextents;
	plan->naccounts = survey->naccounts;
	pg_atomic_init_u64(&plan->next, 0);
	for (int i = 0; i < post->nmonths; i++)
	{
		PlanMonth *m = &plan->months[i];

		m->first_day = post->months[i].first_day;
		m->next_first_day = post->months[i].next_first_day;
		if (ranges[i].writer == NULL)
			continue;
		m->partition = post->months[i].range_partition;
		plan->stamp = page_file_stamp(bulk_writer_page_file(ranges[i].writer));
	}
	for (int i = 0; i < survey->naccounts; i++)
	{
		const CodeKey *key = &survey->list[i]->key;
		ExtentAccount *account = &plan_accounts(plan)[i];

		account->month = key->number;
		account->account_size = key->codes[0].len;
		account->fund_size = key->codes[1].len;
		memcpy(account->account_code, key->codes[0].data, key->codes[0].len);
		memcpy(account->fund, key->codes[1].data, key->codes[1].len);
	}
	memcpy(plan_extents(plan), survey->extents, survey->nextents * sizeof(Extent));
	for (int i = 1; i < survey->naccounts; i++)
		Assert(compare_accounts(&survey->list[i - 1], &survey->list[i]) < 0);
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

/* Adds up a page's lines; false where one of them is not of the account, or not to be copied as it is. */
static bool
add_page(Copier *copier, char *page, const ExtentAccount *account, LineSum *sum)
{
	const PlanMonth *month = &copier->plan->months[account->month];
	OffsetNumber last = PageGetMaxOffsetNumber((Page) page);

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;

		if (!page_reader_row(&copier->staging, page, i, &tuple))
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
		if (page_reader_page(&copier->staging, extent->from + i, copier->pages + i * BLCKSZ) &&
			!add_page(copier, copier->pages + i * BLCKSZ, account, &sum))
		{
			extent->left = true;
			return;
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
		if (!page_reader_page(&poster->pages, block, poster->page))
			continue;
		last = PageGetMaxOffsetNumber((Page) poster->page);
		for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
		{
			HeapTupleData tuple;

			if (!page_reader_row(&poster->pages, poster->page, i, &tuple))
				continue;
			MemoryContextSwitchTo(poster->post->row_context);
			post_row(poster, &tuple);
			MemoryContextSwitchTo(poster->post->context);
			MemoryContextReset(poster->post->row_context);
		}
		progress_add(last);
	}
}

static void
post_by_row(RowPoster *poster, const Survey *survey, const Extent *extents, BlockNumber nblocks)
{
	for (int64 i = 0; i < survey->nextents; i++)
		if (extents[i].left)
			post_extent_by_row(poster, extents[i].from, nblocks);
	for (int64 i = 0; i < survey->nloose; i++)
		post_extent_by_row(poster, survey->loose[i], nblocks);
}

/* Of the partitions of the run's own range, those that can be filled by page. */
static LedgerTarget *
filled_by_page(Post *post, const LedgerTarget *ranges)
{
	LedgerTarget *filled = palloc0_array(LedgerTarget, post->nmonths + 1);

	for (int i = 0; i < post->nmonths; i++)
		if (ranges[i].writer != NULL && ranges[i].same_layout &&
			bulk_writer_page_file(ranges[i].writer) != NULL)
			filled[i] = ranges[i];
	return filled;
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
take_sums(Post *post, CopyPlan *plan, int nworkers, int month, BulkWriter *writer)
{
	LineSum sum = {0};

	for (int i = 0; i <= nworkers; i++)
		line_sum_add_sum(&sum, &plan_sums(plan, i)[month]);
	Assert(sum.lines >= 0 && (writer != NULL || sum.lines == 0));
	line_sum_add_sum(&post->months[month].lines, &sum);
	if (writer != NULL)
		page_file_count(bulk_writer_page_file(writer), sum.lines);
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
	pass->nblocks = RelationGetNumberOfBlocks(staging);
	poster->lines = palloc0_array(LedgerTarget, post->nmonths + 1);
	poster->ranges = palloc0_array(LedgerTarget, post->nmonths + 1);
	open_targets(post, tupdesc, poster->lines, poster->ranges);
	pass->filled = filled_by_page(post, poster->ranges);
	page_reader_open(&poster->pages, staging, post->snapshot);
	poster->reader = line_reader_open(staging);
	poster->slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsHeapTuple);
	poster->page = page_file_alloc_extent();
	make_survey(post, pass->filled, &pass->survey, poster, pass->nblocks);
	place_extents(&pass->survey, sizes);
	for (int i = 0; i < post->nmonths; i++)
		if (pass->filled[i].writer != NULL)
			page_file_reserve(bulk_writer_page_file(pass->filled[i].writer), sizes[i]);
	return pass;
}

void
post_lines_launch(LinePass *pass)
{
	int nworkers = parallel_work_workers(pass->survey.nextents * EXTENT_PAGES);

	parallel_work_begin(&pass->work, "ledger_engine_post_lines_worker",
						plan_size(&pass->survey, nworkers + 1), nworkers);
	pass->plan = pass->work.shared;
	fill_plan(pass->post, pass->plan, &pass->survey, pass->filled, pass->staging);
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
		take_sums(pass->post, pass->plan, pass->work.nworkers, i, pass->filled[i].writer);
	memcpy(pass->survey.extents, plan_extents(pass->plan), pass->survey.nextents * sizeof(Extent));
	parallel_work_end(&pass->work);
}

void
post_lines_write_rest(LinePass *pass)
{
	post_by_row(&pass->poster, &pass->survey, pass->survey.extents, pass->nblocks);
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

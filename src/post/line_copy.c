/*
 * line_copy.c
 *		Copying extents of lines (see line_copy.h).
 */
#include "post/line_copy.h"

#include "common/crash_point.h"
#include "common/parallel_work.h"
#include "common/progress.h"
#include "common/settings_scope.h"
#include "ledger/je_id.h"
#include "post/line_indexes.h"
#include "post/line_seals.h"
#include "table/page_file.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/barrier.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
#include "utils/snapmgr.h"

/* How often a leader that waits looks whether the workers have copied. */
#define WAIT_MS 10

typedef struct PlanMonth
{
	DateADT first_day;
	DateADT next_first_day;
	Oid partition; /* to be filled by page; InvalidOid: not so */
} PlanMonth;

/* What all processes see. What each process copied (Copied), the groups, and the columns that a site added (text[]) follow it. */
typedef struct CopyPlan
{
	int64 first_je_id; /* of the run's own range */
	int64 end_je_id;
	bool by_book;  /* as in Post */
	Size added_at; /* 0: there is no digest of added columns */
	RowStamp stamp;
	bool seals; /* processes take groups, and seal them; else they take extents */
	int nprocesses;
	Barrier copied;             /* that all processes that take part have reached */
	pg_atomic_uint64 next_fill; /* then: the index to be filled next */
	PlanMonth months[JE_ID_MAX_MONTHS];
	MonthIndexes indexes[JE_ID_MAX_MONTHS];
} CopyPlan;

/* What a process copied of each month, written by it when it is done. */
typedef struct Copied
{
	LineSum sums[JE_ID_MAX_MONTHS];
} Copied;

/* A process that copies extents. */
typedef struct Copier
{
	CopyPlan *plan;
	bool is_late; /* the others have copied all */
	const CopiedGroup *groups;
	CopiedExtent *extents;
	PageReader staging;
	LineReader *reader;
	int scope; /* of settings, where the reader prints */
	Relation partitions[JE_ID_MAX_MONTHS];
	PageFile *files[JE_ID_MAX_MONTHS];
	IndexKeys *keys[JE_ID_MAX_MONTHS]; /* NULL: they are not needed */
	LineSum sums[JE_ID_MAX_MONTHS];
	char *pages;
} Copier;

struct LineCopy
{
	Post *post;
	Relation staging;
	const ExtentMap *map;
	CopiedExtent *extents;
	CopiedGroup *groups;
	PageFile **files;
	ParallelWork work;
	CopyPlan *plan;
	int64 lines[JE_ID_MAX_MONTHS];          /* copied */
	MonthIndexes indexes[JE_ID_MAX_MONTHS]; /* as they are when all is copied */
};

PGDLLEXPORT void ledger_engine_post_lines_worker(dsm_segment *seg, shm_toc *toc);

/* What a process copied. */
static Copied *
plan_copied(CopyPlan *plan, int process)
{
	return (Copied *) ((char *) plan + MAXALIGN(sizeof(CopyPlan))) + process;
}

static GroupPlan *
plan_groups(CopyPlan *plan)
{
	return (GroupPlan *) plan_copied(plan, plan->nprocesses);
}

/* Where the columns that a site added are in a plan for so many processes. */
static Size
place_of_added(const ExtentMap *map, int nprocesses)
{
	return MAXALIGN(MAXALIGN(sizeof(CopyPlan)) + nprocesses * sizeof(Copied) +
					group_plan_size(map->ngroups, map->nextents, nprocesses));
}

/* The size of a plan for so many processes. */
static Size
plan_size(const Post *post, const ExtentMap *map, int nprocesses)
{
	Size size = place_of_added(map, nprocesses);

	return post->has_added_digest ? size + VARSIZE(DatumGetPointer(post->added_columns)) : size;
}

/* Can so many processes share the groups, without one of them waiting long for another that has the largest? */
static bool
shares_evenly(const LineCopy *copy, int nprocesses)
{
	int64 largest = 0;

	for (int i = 0; i < copy->map->ngroups; i++)
		largest = Max(largest, copy->groups[i].count);
	return largest * nprocesses <= copy->map->nextents;
}

static void
fill_plan(LineCopy *copy, CopyPlan *plan, int nprocesses)
{
	const Post *post = copy->post;
	const ExtentMap *map = copy->map;

	plan->first_je_id = post->first_je_id;
	plan->end_je_id = post->end_je_id;
	plan->by_book = post->by_book;
	plan->added_at = 0;
	if (post->has_added_digest)
	{
		plan->added_at = place_of_added(map, nprocesses);
		memcpy((char *) plan + plan->added_at, DatumGetPointer(post->added_columns),
			   VARSIZE(DatumGetPointer(post->added_columns)));
	}
	plan->seals = post->seals != NULL && shares_evenly(copy, nprocesses);
	plan->nprocesses = nprocesses;
	for (int i = 0; i < post->nmonths; i++)
	{
		PlanMonth *m = &plan->months[i];

		m->first_day = post->months[i].first_day;
		m->next_first_day = post->months[i].next_first_day;
		if (copy->files[i] == NULL)
			continue;
		m->partition = post->months[i].range_partition;
		plan->stamp = page_file_stamp(copy->files[i]);
	}
	memcpy(plan->indexes, copy->indexes, sizeof(plan->indexes));
	BarrierInit(&plan->copied, 0);
	pg_atomic_init_u64(&plan->next_fill, 0);
	group_plan_fill(plan_groups(plan), &copy->work, RelationGetRelid(copy->staging), copy->groups,
					map->ngroups, copy->extents, map->nextents);
}

static Copier *
copier_open(CopyPlan *plan, Relation staging, Snapshot snapshot)
{
	Copier *copier = palloc0_object(Copier);

	copier->plan = plan;
	copier->groups = group_plan_groups(plan_groups(plan));
	copier->extents = group_plan_extents(plan_groups(plan));
	page_reader_open(&copier->staging, staging, snapshot);
	copier->reader = line_reader_open(staging);
	if (plan->added_at != 0)
		line_reader_digest_added(copier->reader, PointerGetDatum((char *) plan + plan->added_at));
	if (line_reader_prints(copier->reader))
		copier->scope = settings_scope_open_pinned();
	copier->pages = page_file_alloc_extent();
	for (int i = 0; i < JE_ID_MAX_MONTHS; i++)
		if (OidIsValid(plan->months[i].partition))
		{
			copier->partitions[i] = table_open(plan->months[i].partition, AccessShareLock);
			copier->files[i] = page_file_join(copier->partitions[i], plan->stamp, NULL);
			copier->keys[i] = line_indexes_keys(&plan->indexes[i], i, plan_groups(plan));
		}
	return copier;
}

bool
has_all_columns(HeapTuple tuple, Relation rel)
{
	return HeapTupleHeaderGetNatts(tuple->t_data) == RelationGetNumberOfAttributes(rel);
}

static bool
is_code(Code code, const char *data, int size)
{
	return code.len == size && memcmp(code.data, data, size) == 0;
}

/* May a row be copied as it is? */
static inline bool
is_complete(const Copier *copier, HeapTuple tuple)
{
	return !HeapTupleHasExternal(tuple) && has_all_columns(tuple, copier->staging.rel);
}

/* Is a line of the group that it is among? */
static inline bool
is_of_group(const Copier *copier, const CopiedGroup *group, const Line *line)
{
	const PlanMonth *month = &copier->plan->months[group->month];

	return line->je_date >= month->first_day && line->je_date < month->next_first_day &&
		   line->je_id >= copier->plan->first_je_id && line->je_id < copier->plan->end_je_id &&
		   is_code(line->account_code, group->account, group->account_size) &&
		   is_code(line->fund, group->fund, group->fund_size);
}

/* Writes an extent whose lines are all accepted, and counts them. */
static void
write_extent(Copier *copier, const CopiedExtent *extent, char *pages, const LineSum *sum)
{
	int month = copier->groups[extent->group].month;

	Assert(copier->files[month] != NULL);
	page_file_write(copier->files[month], extent->to, extent->npages, pages);
	line_sum_add_sum(&copier->sums[month], sum);
	progress_add(sum->lines);
}

/* An extent that has a row that does not belong there: its rows are posted one by one. */
static void
leave_extent(Copier *copier, CopiedExtent *extent)
{
	extent->left = true;
	copier->plan->indexes[copier->groups[extent->group].month].spoiled = true;
}

static void
copied_one(void)
{
	if (IsParallelWorker())
		CRASH_POINT("post_worker_copied");
	else
		CRASH_POINT("post_copied");
}

/* Adds up a line of an extent, and notes its key and its place. */
static inline void
note_line(Copier *copier, CopiedExtent *extent, int month, HeapTuple tuple, const Line *line,
		  LineSum *sum)
{
	Assert(ItemPointerGetBlockNumber(&tuple->t_self) < extent->from + extent->npages);
	line_sum_add(sum, line);
	line_sum_add_journal(sum, line, copier->plan->by_book);
	line_indexes_note(&copier->plan->indexes[month], copier->keys[month], extent,
					  ItemPointerGetBlockNumber(&tuple->t_self) - extent->from,
					  ItemPointerGetOffsetNumber(&tuple->t_self), line->je_id, line->line_no,
					  line->je_date);
}

/* Adds up the lines of the page read last; false where one of them is not of the group, or not to be copied as it is. */
static bool
add_page(Copier *copier, OffsetNumber last, CopiedExtent *extent, LineSum *sum)
{
	const CopiedGroup *group = &copier->groups[extent->group];

	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;

		if (!page_reader_row(&copier->staging, i, &tuple))
			continue;
		if (!is_complete(copier, &tuple))
			return false;
		line_reader_read(copier->reader, &tuple, &line);
		if (!is_of_group(copier, group, &line))
			return false;
		note_line(copier, extent, group->month, &tuple, &line, sum);
	}
	return true;
}

static void
copy_extent(Copier *copier, CopiedExtent *extent)
{
	LineSum sum = {0};

	for (int i = 0; i < extent->npages; i++)
	{
		OffsetNumber last =
			page_reader_page_to(&copier->staging, extent->from + i, copier->pages + i * BLCKSZ);

		if (!add_page(copier, last, extent, &sum))
		{
			leave_extent(copier, extent);
			return;
		}
	}
	write_extent(copier, extent, copier->pages, &sum);
}

/* Copies extents, one after the other, until all are taken. */
static void
copy_extents(Copier *copier)
{
	CopiedExtent *extent;

	while ((extent = group_plan_next_extent(plan_groups(copier->plan))) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		copy_extent(copier, extent);
		copied_one();
	}
}

/* As extent_merge() asks. */
static bool
accept_line(const MergedExtent *extent, HeapTuple tuple, const Line *line, LineSum *sum, void *arg)
{
	Copier *copier = arg;
	CopiedExtent *copied = &copier->extents[extent->number];
	const CopiedGroup *group = &copier->groups[copied->group];

	if (!is_complete(copier, tuple) || !is_of_group(copier, group, line))
		return false;
	note_line(copier, copied, group->month, tuple, line, sum);
	return true;
}

static void
end_extent(const MergedExtent *extent, char *pages, bool accepted, const LineSum *sum, void *arg)
{
	Copier *copier = arg;
	CopiedExtent *copied = &copier->extents[extent->number];

	if (accepted)
		write_extent(copier, copied, pages, sum);
	else
		leave_extent(copier, copied);
	copied_one();
}

/* The lines of groups, which are copied when they are sealed. */
static ExtentSource
copied_source(Copier *copier)
{
	ExtentSource source = {.reader = &copier->staging,
						   .lines = copier->reader,
						   .accept = accept_line,
						   .end = end_extent,
						   .arg = copier};

	return source;
}

/* Waits until all processes have copied; the leader shows meanwhile how far they are. One that comes late has nothing to wait for. */
static void
wait_for_copies(Copier *copier)
{
	Barrier *copied = &copier->plan->copied;

	if (IsParallelWorker())
	{
		CRASH_POINT("post_worker_keys");
		if (!copier->is_late)
			BarrierArriveAndWait(copied, WAIT_EVENT_PARALLEL_FINISH);
		return;
	}
	BarrierArriveAndDetach(copied);
	while (BarrierPhase(copied) == 0)
	{
		CHECK_FOR_INTERRUPTS();
		progress_flush();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, WAIT_MS,
						 WAIT_EVENT_PARALLEL_FINISH);
		ResetLatch(MyLatch);
	}
	pg_read_barrier();
}

/* Fills indexes, once all processes have copied, until all are taken. */
static void
fill_indexes(Copier *copier)
{
	CopyPlan *plan = copier->plan;

	for (int i = 0; i < JE_ID_MAX_MONTHS; i++)
		if (copier->keys[i] != NULL)
			index_keys_end(copier->keys[i]);
	wait_for_copies(copier);
	for (;;)
	{
		uint64 n = pg_atomic_fetch_add_u64(&plan->next_fill, 1);
		int which = n / JE_ID_MAX_MONTHS;
		int month = n % JE_ID_MAX_MONTHS;
		MonthIndexes *indexes = &plan->indexes[month];

		if (which >= LINE_INDEXES)
			break;
		if (!OidIsValid(indexes->indexes[which]) || indexes->spoiled)
			continue;
		line_indexes_fill(indexes, month, which, plan_groups(plan), copier->keys[month],
						  plan->nprocesses);
		CRASH_POINT("post_index_filled");
	}
}

static void
copier_close(Copier *copier)
{
	for (int i = 0; i < JE_ID_MAX_MONTHS; i++)
		if (copier->keys[i] != NULL)
			index_keys_close(copier->keys[i]);
	memcpy(plan_copied(copier->plan, parallel_work_process())->sums, copier->sums,
		   sizeof(copier->sums));
	if (line_reader_prints(copier->reader))
		settings_scope_close(copier->scope);
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
	Relation staging = table_open(group_plan_table(plan_groups(plan)), AccessShareLock);
	Copier *copier;

	SharedFileSetAttach(group_plan_files(plan_groups(plan)), seg);
	copier = copier_open(plan, staging, GetActiveSnapshot());
	copier->is_late = BarrierAttach(&plan->copied) > 0;
	if (plan->seals)
	{
		ExtentSource source = copied_source(copier);

		line_seals_groups_by_worker(plan_groups(plan), &source);
	}
	else
		copy_extents(copier);
	fill_indexes(copier);
	copier_close(copier);
	table_close(staging, NoLock);
	parallel_work_leave();
}

LineCopy *
line_copy_open(Post *post, Relation staging, const ExtentMap *map, CopiedExtent *extents,
			   CopiedGroup *groups, PageFile **files)
{
	LineCopy *copy = palloc0_object(LineCopy);

	copy->post = post;
	copy->staging = staging;
	copy->map = map;
	copy->extents = extents;
	copy->groups = groups;
	copy->files = files;
	return copy;
}

/* Finds the indexes that are filled from what is copied. */
static void
claim_indexes(LineCopy *copy)
{
	int64 nextents[JE_ID_MAX_MONTHS] = {0};
	int64 limits[JE_ID_MAX_MONTHS] = {0};

	for (int64 i = 0; i < copy->map->nextents; i++)
	{
		int month = copy->groups[copy->extents[i].group].month;

		nextents[month]++;
		limits[month] =
			Max(limits[month], copy->extents[i].first_je_id - copy->post->first_je_id + 1);
	}
	for (int i = 0; i < copy->post->nmonths; i++)
	{
		Relation partition;

		if (nextents[i] == 0)
			continue;
		partition = table_open(copy->post->months[i].range_partition, NoLock);
		copy->indexes[i].first_day = copy->post->months[i].first_day;
		copy->indexes[i].first_je_id = copy->post->first_je_id;
		line_indexes_claim(&copy->indexes[i], partition, nextents[i], limits[i]);
		table_close(partition, NoLock);
	}
	CommandCounterIncrement();
}

void
line_copy_launch(LineCopy *copy)
{
	int nworkers = parallel_work_workers(copy->map->nextents * EXTENT_PAGES);

	claim_indexes(copy);
	if (!parallel_work_begin(&copy->work, "ledger_engine_post_lines_worker",
							 plan_size(copy->post, copy->map, nworkers + 1), nworkers))
		nworkers = 0;
	copy->plan = copy->work.shared;
	fill_plan(copy, copy->plan, nworkers + 1);
	/* Workers that are done wait for the leader. */
	BarrierAttach(&copy->plan->copied);
	parallel_work_launch(&copy->work);
}

/* Adds up what the processes copied of a month, whose partition's statistics count it. */
static void
take_sums(LineCopy *copy, int month)
{
	LineSum sum = {0};

	for (int i = 0; i <= copy->work.nworkers; i++)
		line_sum_add_sum(&sum, &plan_copied(copy->plan, i)->sums[month]);
	Assert(sum.lines >= 0 && (copy->files[month] != NULL || sum.lines == 0));
	line_sum_add_sum(&copy->post->months[month].lines, &sum);
	copy->lines[month] = sum.lines;
	if (copy->files[month] != NULL)
		page_file_count(copy->files[month], sum.lines);
}

void
line_copy_run(LineCopy *copy)
{
	CopyPlan *plan = copy->plan;
	GroupPlan *groups = plan_groups(plan);
	PostSeals *seals = copy->post->seals;
	Copier *copier = copier_open(plan, copy->staging, copy->post->snapshot);
	ExtentSource source = copied_source(copier);

	if (plan->seals)
		post_seals_take(seals, line_seals_groups(groups, &source, post_seals_hasher(seals),
												 post_seals_spool(seals)));
	else
		copy_extents(copier);
	fill_indexes(copier);
	copier_close(copier);
	parallel_work_wait(&copy->work);
	for (int i = 0; i < copy->post->nmonths; i++)
		take_sums(copy, i);
	if (plan->seals)
		line_seals_take(seals, groups, copy->work.nworkers);
	memcpy(copy->indexes, plan->indexes, sizeof(copy->indexes));
	group_plan_read(groups, copy->groups, copy->extents);
	parallel_work_end(&copy->work);
}

void
line_copy_tell_indexes(LineCopy *copy, IndexBuilds *builds)
{
	for (int i = 0; i < copy->post->nmonths; i++)
	{
		const MonthIndexes *indexes = &copy->indexes[i];

		if (copy->files[i] == NULL || indexes->spoiled ||
			page_file_rows(copy->files[i]) != copy->lines[i])
			continue;
		for (int which = 0; which < LINE_INDEXES; which++)
			if (OidIsValid(indexes->indexes[which]) && indexes->rows[which] == copy->lines[i])
				index_builds_filled(builds, indexes->indexes[which], indexes->entries[which]);
	}
}

/*
 * line_copy.c
 *		Copying extents of lines (see line_copy.h).
 */
#include "post/line_copy.h"

#include "common/crash_point.h"
#include "common/parallel_work.h"
#include "common/progress.h"
#include "ledger/je_id.h"
#include "post/line_seals.h"
#include "table/page_file.h"
#include "table/page_reader.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

/* Month, account and fund of a group. */
typedef struct GroupCodes
{
	int32 month;
	int32 account_size;
	int32 fund_size;
	char account_code[MAX_GROUP_CODE];
	char fund[MAX_GROUP_CODE];
} GroupCodes;

typedef struct PlanMonth
{
	DateADT first_day;
	DateADT next_first_day;
	Oid partition; /* to be filled by page; InvalidOid: not so */
} PlanMonth;

/* What all processes see. The codes of groups, what each process copied (Copied), and the groups follow it. */
typedef struct CopyPlan
{
	int64 first_je_id; /* of the run's own range */
	int64 end_je_id;
	RowStamp stamp;
	bool seals; /* processes take groups, and seal them; else they take extents */
	int ngroups;
	int nprocesses;
	PlanMonth months[JE_ID_MAX_MONTHS];
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
	const GroupCodes *codes;
	CopiedExtent *extents;
	PageReader staging;
	LineReader *reader;
	Relation partitions[JE_ID_MAX_MONTHS];
	PageFile *files[JE_ID_MAX_MONTHS];
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
};

PGDLLEXPORT void ledger_engine_post_lines_worker(dsm_segment *seg, shm_toc *toc);

static GroupCodes *
plan_codes(CopyPlan *plan)
{
	return (GroupCodes *) ((char *) plan + MAXALIGN(sizeof(CopyPlan)));
}

/* What a process copied. */
static Copied *
plan_copied(CopyPlan *plan, int process)
{
	return (Copied *) ((char *) plan_codes(plan) + MAXALIGN(plan->ngroups * sizeof(GroupCodes))) +
		   process;
}

static GroupPlan *
plan_groups(CopyPlan *plan)
{
	return (GroupPlan *) plan_copied(plan, plan->nprocesses);
}

/* The size of a plan for so many processes. */
static Size
plan_size(const ExtentMap *map, int nprocesses)
{
	return MAXALIGN(sizeof(CopyPlan)) + MAXALIGN(map->ngroups * sizeof(GroupCodes)) +
		   nprocesses * sizeof(Copied) + group_plan_size(map->ngroups, map->nextents, nprocesses);
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
	plan->seals = post->seals != NULL && shares_evenly(copy, nprocesses);
	plan->ngroups = map->ngroups;
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
	for (int i = 0; i < map->ngroups; i++)
	{
		const CodeKey *key = map->groups[i];
		GroupCodes *codes = &plan_codes(plan)[i];

		codes->month = key->number;
		codes->account_size = key->codes[0].len;
		codes->fund_size = key->codes[1].len;
		memcpy(codes->account_code, key->codes[0].data, key->codes[0].len);
		memcpy(codes->fund, key->codes[1].data, key->codes[1].len);
	}
	group_plan_fill(plan_groups(plan), &copy->work, RelationGetRelid(copy->staging), copy->groups,
					map->ngroups, copy->extents, map->nextents);
}

static Copier *
copier_open(CopyPlan *plan, Relation staging, Snapshot snapshot)
{
	Copier *copier = palloc0_object(Copier);

	copier->plan = plan;
	copier->codes = plan_codes(plan);
	copier->extents = group_plan_extents(plan_groups(plan));
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
is_of_group(const Copier *copier, const GroupCodes *codes, const Line *line)
{
	const PlanMonth *month = &copier->plan->months[codes->month];

	return line->je_date >= month->first_day && line->je_date < month->next_first_day &&
		   line->je_id >= copier->plan->first_je_id && line->je_id < copier->plan->end_je_id &&
		   is_code(line->account_code, codes->account_code, codes->account_size) &&
		   is_code(line->fund, codes->fund, codes->fund_size);
}

/* Writes an extent whose lines are all accepted, and counts them. */
static void
write_extent(Copier *copier, const CopiedExtent *extent, char *pages, const LineSum *sum)
{
	int month = copier->codes[extent->group].month;

	Assert(extent->group >= 0 && extent->group < copier->plan->ngroups);
	Assert(copier->files[month] != NULL);
	page_file_write(copier->files[month], extent->to, pages);
	line_sum_add_sum(&copier->sums[month], sum);
	progress_add(sum->lines);
}

static void
copied_one(void)
{
	if (IsParallelWorker())
		CRASH_POINT("post_worker_copied");
	else
		CRASH_POINT("post_copied");
}

/* Adds up the lines of the page read last; false where one of them is not of the group, or not to be copied as it is. */
static bool
add_page(Copier *copier, OffsetNumber last, const GroupCodes *codes, LineSum *sum)
{
	for (OffsetNumber i = FirstOffsetNumber; i <= last; i++)
	{
		HeapTupleData tuple;
		Line line;

		if (!page_reader_row(&copier->staging, i, &tuple))
			continue;
		if (!is_complete(copier, &tuple))
			return false;
		line_reader_read(copier->reader, &tuple, &line);
		if (!is_of_group(copier, codes, &line))
			return false;
		line_sum_add(sum, &line);
	}
	return true;
}

static void
copy_extent(Copier *copier, CopiedExtent *extent)
{
	LineSum sum = {0};

	for (int i = 0; i < EXTENT_PAGES; i++)
	{
		OffsetNumber last =
			page_reader_page_to(&copier->staging, extent->from + i, copier->pages + i * BLCKSZ);

		if (!add_page(copier, last, &copier->codes[extent->group], &sum))
		{
			extent->left = true;
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

	if (!is_complete(copier, tuple) ||
		!is_of_group(copier, &copier->codes[copier->extents[extent->number].group], line))
		return false;
	line_sum_add(sum, line);
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
		copied->left = true;
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

static void
copier_close(Copier *copier)
{
	memcpy(plan_copied(copier->plan, parallel_work_process())->sums, copier->sums,
		   sizeof(copier->sums));
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
	Copier *copier = copier_open(plan, staging, GetActiveSnapshot());
	ExtentSource source = copied_source(copier);

	if (plan->seals)
		line_seals_groups_by_worker(plan_groups(plan), &source, seg);
	else
		copy_extents(copier);
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

void
line_copy_launch(LineCopy *copy)
{
	int nworkers = parallel_work_workers(copy->map->nextents * EXTENT_PAGES);

	parallel_work_begin(&copy->work, "ledger_engine_post_lines_worker",
						plan_size(copy->map, nworkers + 1), nworkers);
	copy->plan = copy->work.shared;
	fill_plan(copy, copy->plan, nworkers + 1);
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
	copier_close(copier);
	parallel_work_wait(&copy->work);
	for (int i = 0; i < copy->post->nmonths; i++)
		take_sums(copy, i);
	if (plan->seals)
		line_seals_take(seals, groups, copy->work.nworkers);
	group_plan_read(groups, copy->groups, copy->extents);
	parallel_work_end(&copy->work);
}

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
#include "port/atomics.h"
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

/* What a process copied, written by it when it is done. */
typedef struct Copied
{
	LineSum sums[JE_ID_MAX_MONTHS];
	int64 nsections; /* that it sealed */
} Copied;

/* What all processes see. The groups with their codes and order, the extents, and what each process copied follow it. */
typedef struct CopyPlan
{
	Oid staging;
	int64 first_je_id; /* of the run's own range */
	int64 end_je_id;
	RowStamp stamp;
	bool seals; /* processes take groups, and seal them; else they take extents */
	SharedFileSet files;
	pg_atomic_uint64 next; /* group or extent */
	int64 nextents;
	int ngroups;
	PlanMonth months[JE_ID_MAX_MONTHS];
} CopyPlan;

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

static CopiedGroup *
plan_groups(CopyPlan *plan)
{
	return (CopiedGroup *) ((char *) plan_codes(plan) +
							MAXALIGN(plan->ngroups * sizeof(GroupCodes)));
}

/* Numbers of groups, in the order in which they are taken. */
static int32 *
plan_order(CopyPlan *plan)
{
	return (int32 *) ((char *) plan_groups(plan) + MAXALIGN(plan->ngroups * sizeof(CopiedGroup)));
}

static CopiedExtent *
plan_extents(CopyPlan *plan)
{
	return (CopiedExtent *) ((char *) plan_order(plan) + MAXALIGN(plan->ngroups * sizeof(int32)));
}

/* What a process copied. */
static Copied *
plan_copied(CopyPlan *plan, int process)
{
	return (Copied *) ((char *) plan_extents(plan) +
					   MAXALIGN(plan->nextents * sizeof(CopiedExtent))) +
		   process;
}

/* The size of a plan for so many processes. */
static Size
plan_size(const ExtentMap *map, int nprocesses)
{
	return MAXALIGN(sizeof(CopyPlan)) + MAXALIGN(map->ngroups * sizeof(GroupCodes)) +
		   MAXALIGN(map->ngroups * sizeof(CopiedGroup)) + MAXALIGN(map->ngroups * sizeof(int32)) +
		   MAXALIGN(map->nextents * sizeof(CopiedExtent)) + nprocesses * sizeof(Copied);
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
fill_plan(LineCopy *copy, CopyPlan *plan)
{
	const Post *post = copy->post;
	const ExtentMap *map = copy->map;

	plan->staging = RelationGetRelid(copy->staging);
	plan->first_je_id = post->first_je_id;
	plan->end_je_id = post->end_je_id;
	plan->nextents = map->nextents;
	plan->ngroups = map->ngroups;
	pg_atomic_init_u64(&plan->next, 0);
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
	memcpy(plan_groups(plan), copy->groups, map->ngroups * sizeof(CopiedGroup));
	memcpy(plan_extents(plan), copy->extents, map->nextents * sizeof(CopiedExtent));
	line_seals_order(copy->groups, map->ngroups, plan_order(plan));
}

static Copier *
copier_open(CopyPlan *plan, Relation staging, Snapshot snapshot)
{
	Copier *copier = palloc0_object(Copier);

	copier->plan = plan;
	copier->codes = plan_codes(plan);
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
	CopyPlan *plan = copier->plan;

	for (;;)
	{
		uint64 n = pg_atomic_fetch_add_u64(&plan->next, 1);

		CHECK_FOR_INTERRUPTS();
		if (n >= plan->nextents)
			break;
		copy_extent(copier, &copier->extents[n]);
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

/* Copies groups, one after the other, until all are taken: the sections of their lines, whose blocks are in the spool. */
static List *
copy_groups(Copier *copier, Hasher *hasher, Spool *spool)
{
	CopyPlan *plan = copier->plan;
	LineSealer *sealer = line_sealer_open(copier->staging.rel, hasher, spool);

	for (;;)
	{
		ExtentSource source = {.reader = &copier->staging,
							   .lines = copier->reader,
							   .accept = accept_line,
							   .end = end_extent,
							   .arg = copier};
		uint64 n = pg_atomic_fetch_add_u64(&plan->next, 1);
		CopiedGroup *group;

		CHECK_FOR_INTERRUPTS();
		if (n >= plan->ngroups)
			break;
		group = &plan_groups(plan)[plan_order(plan)[n]];
		group->sealed =
			line_sealer_add(sealer, &source, copier->extents, group->first, group->count);
	}
	return line_sealer_close(sealer);
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
	Relation staging = table_open(plan->staging, AccessShareLock);
	Copier *copier = copier_open(plan, staging, GetActiveSnapshot());

	if (plan->seals)
	{
		Hasher *hasher = hasher_open();
		Spool *spool;
		List *sections;

		SharedFileSetAttach(&plan->files, seg);
		spool = line_seals_spool(&plan->files);
		sections = copy_groups(copier, hasher, spool);
		plan_copied(plan, parallel_work_process())->nsections =
			line_seals_leave(&plan->files, spool, sections);
		hasher_close(hasher);
	}
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
	fill_plan(copy, copy->plan);
	copy->plan->seals = copy->post->seals != NULL && shares_evenly(copy, nworkers + 1);
	if (copy->work.context != NULL && copy->work.context->seg != NULL)
		SharedFileSetInit(&copy->plan->files, copy->work.context->seg);
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
	PostSeals *seals = copy->post->seals;
	Copier *copier = copier_open(plan, copy->staging, copy->post->snapshot);

	if (plan->seals)
		post_seals_take(seals,
						copy_groups(copier, post_seals_hasher(seals), post_seals_spool(seals)));
	else
		copy_extents(copier);
	copier_close(copier);
	parallel_work_wait(&copy->work);
	for (int i = 0; i < copy->post->nmonths; i++)
		take_sums(copy, i);
	for (int i = 1; plan->seals && i <= copy->work.nworkers; i++)
		line_seals_take(seals, &plan->files, i, plan_copied(plan, i)->nsections);
	memcpy(copy->groups, plan_groups(plan), copy->map->ngroups * sizeof(CopiedGroup));
	memcpy(copy->extents, plan_extents(plan), copy->map->nextents * sizeof(CopiedExtent));
	parallel_work_end(&copy->work);
}

/*
 * line_seals.c
 *		Seals of lines that are copied by page (see line_seals.h).
 *
 * Processes take one group after the other, the largest first, and merge its
 * extents to the order of lines. Workers leave their sections and evidence in
 * files that the leader reads when all are done.
 */
#include "post/line_seals.h"

#include "common/crash_point.h"
#include "common/parallel_work.h"
#include "common/progress.h"

#include "access/table.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* What all processes see. The groups, their order, the extents, and how many sections each process has follow it. */
typedef struct SealPlan
{
	Oid table;
	SharedFileSet files;
	pg_atomic_uint64 next;
	int ngroups;
	int64 nextents;
} SealPlan;

PGDLLEXPORT void ledger_engine_line_seals_worker(dsm_segment *seg, shm_toc *toc);

static SealedGroup *
plan_groups(SealPlan *plan)
{
	return (SealedGroup *) ((char *) plan + MAXALIGN(sizeof(SealPlan)));
}

/* Numbers of groups, in the order in which they are taken. */
static int32 *
plan_order(SealPlan *plan)
{
	return (int32 *) ((char *) plan_groups(plan) + MAXALIGN(plan->ngroups * sizeof(SealedGroup)));
}

static MergedExtent *
plan_extents(SealPlan *plan)
{
	return (MergedExtent *) ((char *) plan_order(plan) + MAXALIGN(plan->ngroups * sizeof(int32)));
}

static int64 *
plan_sections(SealPlan *plan)
{
	return (int64 *) ((char *) plan_extents(plan) + plan->nextents * sizeof(MergedExtent));
}

static Size
plan_size(int ngroups, int64 nextents, int nprocesses)
{
	return MAXALIGN(sizeof(SealPlan)) + MAXALIGN(ngroups * sizeof(SealedGroup)) +
		   MAXALIGN(ngroups * sizeof(int32)) + nextents * sizeof(MergedExtent) +
		   nprocesses * sizeof(int64);
}

static int
compare_sizes(const void *a, const void *b, void *arg)
{
	const SealedGroup *groups = arg;
	int64 x = groups[*(const int32 *) a].count;
	int64 y = groups[*(const int32 *) b].count;

	return x > y ? -1 : x < y;
}

static void
fill_plan(SealPlan *plan, Relation rel, const SealedGroup *groups, int ngroups,
		  const MergedExtent *extents, int64 nextents)
{
	plan->table = RelationGetRelid(rel);
	plan->ngroups = ngroups;
	plan->nextents = nextents;
	pg_atomic_init_u64(&plan->next, 0);
	memcpy(plan_groups(plan), groups, ngroups * sizeof(SealedGroup));
	memcpy(plan_extents(plan), extents, nextents * sizeof(MergedExtent));
	for (int i = 0; i < ngroups; i++)
		plan_order(plan)[i] = i;
	qsort_arg(plan_order(plan), ngroups, sizeof(int32), compare_sizes, plan_groups(plan));
}

/* Seals groups until all are taken: the sections (SectionRecord), whose blocks are in the spool. */
static List *
seal_groups(SealPlan *plan, Relation rel, Snapshot snapshot, Hasher *hasher, Spool *spool)
{
	RowForm *row_form = post_seals_form("ledger_entry_line", ROW_LINE);
	BoundForm *form = form_bind(row_form, RelationGetDescr(rel), RelationGetRelationName(rel));
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "sealed line", ALLOCSET_DEFAULT_SIZES);
	List *sections = NIL;
	PageReader pages;

	page_reader_open(&pages, rel, snapshot);
	for (;;)
	{
		uint64 n = pg_atomic_fetch_add_u64(&plan->next, 1);
		SealedGroup *group;
		SealRows *rows;

		CHECK_FOR_INTERRUPTS();
		if (n >= plan->ngroups)
			break;
		group = &plan_groups(plan)[plan_order(plan)[n]];
		rows = seal_rows_open(row_form, hasher, spool, true);
		group->sealed = extent_merge(&pages, form, plan_extents(plan) + group->first, group->count,
									 rows, row_context);
		if (group->sealed)
			sections = list_concat(sections, seal_rows_close(rows));
		else
			seal_rows_discard(rows);
		CRASH_POINT("post_group_sealed");
	}
	page_reader_close(&pages);
	MemoryContextDelete(row_context);
	return sections;
}

static char *
file_name(const char *what, int process)
{
	return psprintf("%s.%d", what, process);
}

void
ledger_engine_line_seals_worker(dsm_segment *seg, shm_toc *toc)
{
	SealPlan *plan = parallel_work_attach(toc);
	Relation rel = table_open(plan->table, AccessShareLock);
	Hasher *hasher = hasher_open();
	int process = parallel_work_process();
	List *sections;
	Spool *blocks;
	Spool *records;
	ListCell *lc;

	SharedFileSetAttach(&plan->files, seg);
	blocks = spool_open_shared(&plan->files, file_name("blocks", process));
	sections = seal_groups(plan, rel, GetActiveSnapshot(), hasher, blocks);
	records = spool_open_shared(&plan->files, file_name("records", process));
	foreach(lc, sections)
		section_save(lfirst(lc), records);
	spool_share(blocks);
	spool_share(records);
	spool_close(blocks);
	spool_close(records);
	plan_sections(plan)[process] = list_length(sections);
	hasher_close(hasher);
	table_close(rel, NoLock);
	parallel_work_leave();
}

/* The sections of a worker. */
static List *
take_sections(SealPlan *plan, int process, Spool *spool)
{
	List *sections = NIL;
	int64 count = plan_sections(plan)[process];
	int64 place = 0;
	Spool *blocks;
	Spool *records;

	if (count == 0)
		return NIL;
	blocks = spool_attach(&plan->files, file_name("blocks", process));
	records = spool_attach(&plan->files, file_name("records", process));
	for (int64 i = 0; i < count; i++)
		sections = lappend(sections, section_load(records, &place, blocks, spool));
	spool_close(records);
	spool_close(blocks);
	return sections;
}

void
line_seals_add(PostSeals *seals, Relation rel, SealedGroup *groups, int ngroups,
			   MergedExtent *extents, int64 nextents)
{
	int nworkers = Min(parallel_work_workers(nextents * EXTENT_PAGES), ngroups - 1);
	ParallelWork work;
	SealPlan *plan;
	Spool *spool = post_seals_spool(seals);

	if (ngroups == 0)
		return;
	parallel_work_begin(&work, "ledger_engine_line_seals_worker",
						plan_size(ngroups, nextents, nworkers + 1), nworkers);
	plan = work.shared;
	fill_plan(plan, rel, groups, ngroups, extents, nextents);
	if (work.context != NULL && work.context->seg != NULL)
		SharedFileSetInit(&plan->files, work.context->seg);
	parallel_work_launch(&work);
	post_seals_take(seals,
					seal_groups(plan, rel, GetActiveSnapshot(), post_seals_hasher(seals), spool));
	parallel_work_wait(&work);
	for (int i = 1; i <= work.nworkers; i++)
		post_seals_take(seals, take_sections(plan, i, spool));
	memcpy(groups, plan_groups(plan), ngroups * sizeof(SealedGroup));
	parallel_work_end(&work);
}

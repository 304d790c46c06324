/*
 * line_seals.c
 *		Seals of the lines of extents (see line_seals.h).
 *
 * Processes take one group after the other, the largest first. Workers leave
 * their sections and evidence in files that the leader reads when all are done.
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

struct LineSealer
{
	RowForm *row_form;
	BoundForm *form;
	MemoryContext row_context;
	Hasher *hasher;
	Spool *spool;
	List *sections;
};

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

LineSealer *
line_sealer_open(Relation rel, Hasher *hasher, Spool *spool)
{
	LineSealer *sealer = palloc0_object(LineSealer);

	sealer->row_form = post_seals_form("ledger_entry_line", ROW_LINE);
	sealer->form = form_bind(sealer->row_form, RelationGetDescr(rel), RelationGetRelationName(rel));
	sealer->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "sealed line", ALLOCSET_DEFAULT_SIZES);
	sealer->hasher = hasher;
	sealer->spool = spool;
	return sealer;
}

bool
line_sealer_add(LineSealer *sealer, ExtentSource *source, const CopiedExtent *extents, int64 first,
				int64 count)
{
	MergedExtent *merged = palloc_extended(sizeof(MergedExtent) * (count + 1), MCXT_ALLOC_HUGE);
	SealRows *rows = seal_rows_open(sealer->row_form, sealer->hasher, sealer->spool, true);
	int64 nmerged = 0;
	bool sealed;

	for (int64 i = first; i < first + count; i++)
		if (!extents[i].left)
		{
			merged[nmerged].first_je_id = extents[i].first_je_id;
			merged[nmerged].block = extents[i].from;
			merged[nmerged++].number = i;
		}
	source->form = sealer->form;
	source->row_context = sealer->row_context;
	sealed = extent_merge(source, merged, nmerged, rows);
	if (sealed)
		sealer->sections = list_concat(sealer->sections, seal_rows_close(rows));
	else
		seal_rows_discard(rows);
	CRASH_POINT("post_group_sealed");
	pfree(merged);
	return sealed;
}

List *
line_sealer_close(LineSealer *sealer)
{
	List *sections = sealer->sections;

	MemoryContextDelete(sealer->row_context);
	pfree(sealer);
	return sections;
}

void
line_seals_order(const CopiedGroup *groups, int ngroups, int32 *order)
{
	for (int i = 0; i < ngroups; i++)
	{
		int at = i;

		/* They are a thousand at most, and most of them small. */
		for (; at > 0 && groups[order[at - 1]].count < groups[i].count; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static char *
file_name(const char *what, int process)
{
	return psprintf("%s.%d", what, process);
}

Spool *
line_seals_spool(SharedFileSet *files)
{
	return spool_open_shared(files, file_name("blocks", parallel_work_process()));
}

int64
line_seals_leave(SharedFileSet *files, Spool *spool, List *sections)
{
	Spool *records = spool_open_shared(files, file_name("records", parallel_work_process()));
	ListCell *lc;

	foreach(lc, sections)
		section_save(lfirst(lc), records);
	spool_share(spool);
	spool_share(records);
	spool_close(spool);
	spool_close(records);
	return list_length(sections);
}

void
line_seals_take(PostSeals *seals, SharedFileSet *files, int process, int64 count)
{
	List *sections = NIL;
	int64 place = 0;
	Spool *blocks;
	Spool *records;

	if (count == 0)
		return;
	blocks = spool_attach(files, file_name("blocks", process));
	records = spool_attach(files, file_name("records", process));
	for (int64 i = 0; i < count; i++)
		sections =
			lappend(sections, section_load(records, &place, blocks, post_seals_spool(seals)));
	spool_close(records);
	spool_close(blocks);
	post_seals_take(seals, sections);
}

static CopiedGroup *
plan_groups(SealPlan *plan)
{
	return (CopiedGroup *) ((char *) plan + MAXALIGN(sizeof(SealPlan)));
}

/* Numbers of groups, in the order in which they are taken. */
static int32 *
plan_order(SealPlan *plan)
{
	return (int32 *) ((char *) plan_groups(plan) + MAXALIGN(plan->ngroups * sizeof(CopiedGroup)));
}

static CopiedExtent *
plan_extents(SealPlan *plan)
{
	return (CopiedExtent *) ((char *) plan_order(plan) + MAXALIGN(plan->ngroups * sizeof(int32)));
}

static int64 *
plan_sections(SealPlan *plan)
{
	return (int64 *) ((char *) plan_extents(plan) +
					  MAXALIGN(plan->nextents * sizeof(CopiedExtent)));
}

static Size
plan_size(int ngroups, int64 nextents, int nprocesses)
{
	return MAXALIGN(sizeof(SealPlan)) + MAXALIGN(ngroups * sizeof(CopiedGroup)) +
		   MAXALIGN(ngroups * sizeof(int32)) + MAXALIGN(nextents * sizeof(CopiedExtent)) +
		   nprocesses * sizeof(int64);
}

/* Seals groups until all are taken: the sections, whose blocks are in the spool. */
static List *
seal_groups(SealPlan *plan, Relation rel, Snapshot snapshot, Hasher *hasher, Spool *spool)
{
	LineSealer *sealer = line_sealer_open(rel, hasher, spool);
	LineReader *lines = line_reader_open(rel);
	PageReader pages;

	page_reader_open(&pages, rel, snapshot);
	for (;;)
	{
		ExtentSource source = {.reader = &pages, .lines = lines};
		uint64 n = pg_atomic_fetch_add_u64(&plan->next, 1);
		CopiedGroup *group;

		CHECK_FOR_INTERRUPTS();
		if (n >= plan->ngroups)
			break;
		group = &plan_groups(plan)[plan_order(plan)[n]];
		if (!group->sealed)
			group->sealed =
				line_sealer_add(sealer, &source, plan_extents(plan), group->first, group->count);
	}
	page_reader_close(&pages);
	line_reader_close(lines);
	return line_sealer_close(sealer);
}

void
ledger_engine_line_seals_worker(dsm_segment *seg, shm_toc *toc)
{
	SealPlan *plan = parallel_work_attach(toc);
	Relation rel = table_open(plan->table, AccessShareLock);
	Hasher *hasher = hasher_open();
	Spool *spool;
	List *sections;

	SharedFileSetAttach(&plan->files, seg);
	spool = line_seals_spool(&plan->files);
	sections = seal_groups(plan, rel, GetActiveSnapshot(), hasher, spool);
	plan_sections(plan)[parallel_work_process()] = line_seals_leave(&plan->files, spool, sections);
	hasher_close(hasher);
	table_close(rel, NoLock);
	parallel_work_leave();
}

void
line_seals_add(PostSeals *seals, Relation rel, CopiedGroup *groups, int ngroups,
			   const CopiedExtent *extents, int64 nextents)
{
	int nworkers = Min(parallel_work_workers(nextents * EXTENT_PAGES), ngroups - 1);
	ParallelWork work;
	SealPlan *plan;

	parallel_work_begin(&work, "ledger_engine_line_seals_worker",
						plan_size(ngroups, nextents, nworkers + 1), nworkers);
	plan = work.shared;
	plan->table = RelationGetRelid(rel);
	plan->ngroups = ngroups;
	plan->nextents = nextents;
	pg_atomic_init_u64(&plan->next, 0);
	memcpy(plan_groups(plan), groups, ngroups * sizeof(CopiedGroup));
	memcpy(plan_extents(plan), extents, nextents * sizeof(CopiedExtent));
	line_seals_order(groups, ngroups, plan_order(plan));
	if (work.context != NULL && work.context->seg != NULL)
		SharedFileSetInit(&plan->files, work.context->seg);
	parallel_work_launch(&work);
	post_seals_take(seals, seal_groups(plan, rel, GetActiveSnapshot(), post_seals_hasher(seals),
									   post_seals_spool(seals)));
	parallel_work_wait(&work);
	for (int i = 1; i <= work.nworkers; i++)
		line_seals_take(seals, &plan->files, i, plan_sections(plan)[i]);
	memcpy(groups, plan_groups(plan), ngroups * sizeof(CopiedGroup));
	parallel_work_end(&work);
}

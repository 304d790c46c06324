/*
 * line_seals.c
 *		Seals of the lines of extents (see line_seals.h).
 *
 * Workers leave their sections and evidence in files that the leader reads when
 * all are done.
 */
#include "post/line_seals.h"

#include "common/crash_point.h"
#include "common/parallel_work.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* What a process seals. */
typedef struct LineSealer
{
	RowForm *form;
	ExtentSource *source;
	const CopiedExtent *extents;
	Hasher *hasher;
	Spool *spool;
	List *sections;
} LineSealer;

PGDLLEXPORT void ledger_engine_line_seals_worker(dsm_segment *seg, shm_toc *toc);

/* Seals a group; false where its lines are not in order, or an extent was not accepted. */
static bool
seal_group(LineSealer *sealer, const CopiedGroup *group)
{
	MergedExtent *merged =
		palloc_extended(sizeof(MergedExtent) * (group->count + 1), MCXT_ALLOC_HUGE);
	SealRows *rows = seal_rows_open(sealer->form, sealer->hasher, sealer->spool, true);
	int64 nmerged = 0;
	bool sealed;

	for (int64 i = group->first; i < group->first + group->count; i++)
		if (!sealer->extents[i].left)
		{
			merged[nmerged].first_je_id = sealer->extents[i].first_je_id;
			merged[nmerged].block = sealer->extents[i].from;
			merged[nmerged++].number = i;
		}
	sealed = extent_merge(sealer->source, merged, nmerged, rows);
	if (sealed)
		sealer->sections = list_concat(sealer->sections, seal_rows_close(rows));
	else
		seal_rows_discard(rows);
	CRASH_POINT("post_group_sealed");
	pfree(merged);
	return sealed;
}

List *
line_seals_groups(GroupPlan *plan, ExtentSource *source, Hasher *hasher, Spool *spool)
{
	Relation rel = source->reader->rel;
	RowForm *form = post_seals_form("ledger_entry_line", ROW_LINE);
	LineSealer sealer = {form, source, group_plan_extents(plan), hasher, spool, NIL};
	CopiedGroup *group;

	source->form = form_bind(form, RelationGetDescr(rel), RelationGetRelationName(rel));
	source->row_context =
		AllocSetContextCreate(CurrentMemoryContext, "sealed line", ALLOCSET_DEFAULT_SIZES);
	while ((group = group_plan_next_group(plan)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (!group->sealed)
			group->sealed = seal_group(&sealer, group);
	}
	MemoryContextDelete(source->row_context);
	return sealer.sections;
}

static char *
file_name(const char *what, int process)
{
	return psprintf("%s.%d", what, process);
}

/* Leaves sections, whose blocks are in the spool. */
static void
leave(GroupPlan *plan, Spool *blocks, List *sections)
{
	int process = parallel_work_process();
	Spool *records = spool_open_shared(group_plan_files(plan), file_name("records", process));
	ListCell *lc;

	foreach(lc, sections)
		section_save(lfirst(lc), records);
	spool_share(blocks);
	spool_share(records);
	spool_close(blocks);
	spool_close(records);
	*group_plan_sections(plan, process) = list_length(sections);
}

void
line_seals_groups_by_worker(GroupPlan *plan, ExtentSource *source)
{
	Hasher *hasher = hasher_open();
	Spool *blocks =
		spool_open_shared(group_plan_files(plan), file_name("blocks", parallel_work_process()));

	leave(plan, blocks, line_seals_groups(plan, source, hasher, blocks));
	hasher_close(hasher);
}

/* Takes the sections that a worker left. */
static void
take_of_worker(PostSeals *seals, GroupPlan *plan, int process)
{
	int64 count = *group_plan_sections(plan, process);
	List *sections = NIL;
	int64 place = 0;
	Spool *blocks;
	Spool *records;

	if (count == 0)
		return;
	blocks = spool_attach(group_plan_files(plan), file_name("blocks", process));
	records = spool_attach(group_plan_files(plan), file_name("records", process));
	for (int64 i = 0; i < count; i++)
		sections =
			lappend(sections, section_load(records, &place, blocks, post_seals_spool(seals)));
	spool_close(records);
	spool_close(blocks);
	post_seals_take(seals, sections);
}

void
line_seals_take(PostSeals *seals, GroupPlan *plan, int nworkers)
{
	for (int i = 1; i <= nworkers; i++)
		take_of_worker(seals, plan, i);
}

void
ledger_engine_line_seals_worker(dsm_segment *seg, shm_toc *toc)
{
	GroupPlan *plan = parallel_work_attach(toc);
	Relation rel = table_open(group_plan_table(plan), AccessShareLock);
	PageReader pages;
	ExtentSource source = {.reader = &pages, .lines = line_reader_open(rel)};

	SharedFileSetAttach(group_plan_files(plan), seg);
	page_reader_open(&pages, rel, GetActiveSnapshot());
	line_seals_groups_by_worker(plan, &source);
	page_reader_close(&pages);
	line_reader_close(source.lines);
	table_close(rel, NoLock);
	parallel_work_leave();
}

void
line_seals_add(PostSeals *seals, Relation rel, CopiedGroup *groups, int ngroups,
			   const CopiedExtent *extents, int64 nextents)
{
	int nworkers = Min(parallel_work_workers(nextents * EXTENT_PAGES), ngroups - 1);
	PageReader pages;
	ExtentSource source = {.reader = &pages, .lines = line_reader_open(rel)};
	ParallelWork work;
	GroupPlan *plan;

	parallel_work_begin(&work, "ledger_engine_line_seals_worker",
						group_plan_size(ngroups, nextents, nworkers + 1), nworkers);
	plan = work.shared;
	group_plan_fill(plan, &work, RelationGetRelid(rel), groups, ngroups, extents, nextents);
	parallel_work_launch(&work);
	page_reader_open(&pages, rel, GetActiveSnapshot());
	post_seals_take(
		seals, line_seals_groups(plan, &source, post_seals_hasher(seals), post_seals_spool(seals)));
	page_reader_close(&pages);
	line_reader_close(source.lines);
	parallel_work_wait(&work);
	line_seals_take(seals, plan, work.nworkers);
	group_plan_read(plan, groups, NULL);
	parallel_work_end(&work);
}

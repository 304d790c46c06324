/*
 * group_plan.c
 *		Extents by group (see group_plan.h).
 */
#include "post/group_plan.h"

#include "port/atomics.h"

/* The groups, their order, the extents, and how many sections each process left follow it. */
struct GroupPlan
{
	Oid table;
	bool is_shared;
	SharedFileSet files;
	pg_atomic_uint64 next; /* group or extent */
	int ngroups;
	int64 nextents;
};

static CopiedGroup *
groups_of(const GroupPlan *plan)
{
	return (CopiedGroup *) ((char *) plan + MAXALIGN(sizeof(GroupPlan)));
}

/* Numbers of groups, in the order in which they are taken. */
static int32 *
order_of(const GroupPlan *plan)
{
	return (int32 *) ((char *) groups_of(plan) + MAXALIGN(plan->ngroups * sizeof(CopiedGroup)));
}

static CopiedExtent *
extents_of(const GroupPlan *plan)
{
	return (CopiedExtent *) ((char *) order_of(plan) + MAXALIGN(plan->ngroups * sizeof(int32)));
}

Size
group_plan_size(int ngroups, int64 nextents, int nprocesses)
{
	return MAXALIGN(sizeof(GroupPlan)) + MAXALIGN(ngroups * sizeof(CopiedGroup)) +
		   MAXALIGN(ngroups * sizeof(int32)) + MAXALIGN(nextents * sizeof(CopiedExtent)) +
		   nprocesses * sizeof(int64);
}

/* Numbers of groups, the largest first. */
static void
set_order(const CopiedGroup *groups, int ngroups, int32 *order)
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

void
group_plan_fill(GroupPlan *plan, ParallelWork *work, Oid table, const CopiedGroup *groups,
				int ngroups, const CopiedExtent *extents, int64 nextents)
{
	plan->table = table;
	plan->ngroups = ngroups;
	plan->nextents = nextents;
	pg_atomic_init_u64(&plan->next, 0);
	memcpy(groups_of(plan), groups, ngroups * sizeof(CopiedGroup));
	memcpy(extents_of(plan), extents, nextents * sizeof(CopiedExtent));
	set_order(groups, ngroups, order_of(plan));
	plan->is_shared = work->context != NULL && work->context->seg != NULL;
	if (plan->is_shared)
		SharedFileSetInit(&plan->files, work->context->seg);
}

Oid
group_plan_table(const GroupPlan *plan)
{
	return plan->table;
}

CopiedExtent *
group_plan_extents(GroupPlan *plan)
{
	return extents_of(plan);
}

CopiedGroup *
group_plan_groups(GroupPlan *plan)
{
	return groups_of(plan);
}

int
group_plan_count(const GroupPlan *plan)
{
	return plan->ngroups;
}

CopiedGroup *
group_plan_next_group(GroupPlan *plan)
{
	uint64 n = pg_atomic_fetch_add_u64(&plan->next, 1);

	return n < plan->ngroups ? &groups_of(plan)[order_of(plan)[n]] : NULL;
}

CopiedExtent *
group_plan_next_extent(GroupPlan *plan)
{
	uint64 n = pg_atomic_fetch_add_u64(&plan->next, 1);

	return n < plan->nextents ? &extents_of(plan)[n] : NULL;
}

void
group_plan_read(const GroupPlan *plan, CopiedGroup *groups, CopiedExtent *extents)
{
	memcpy(groups, groups_of(plan), plan->ngroups * sizeof(CopiedGroup));
	if (extents != NULL)
		memcpy(extents, extents_of(plan), plan->nextents * sizeof(CopiedExtent));
}

SharedFileSet *
group_plan_files(GroupPlan *plan)
{
	return plan->is_shared ? &plan->files : NULL;
}

int64 *
group_plan_sections(GroupPlan *plan, int process)
{
	return (int64 *) ((char *) extents_of(plan) + MAXALIGN(plan->nextents * sizeof(CopiedExtent))) +
		   process;
}

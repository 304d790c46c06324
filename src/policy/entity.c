/*
 * entity.c
 *		Reads and finds entities (see entity.h).
 */
#include "policy/entity.h"

#include "utils/lsyscache.h"

static const Entity any_entity = {.effective_from = DATEVAL_NOBEGIN, .effective_to = DATEVAL_NOEND};

static void
add_entity(TupleTableSlot *slot, void *arg)
{
	EntityBook *book = arg;
	CodeKey key = {0, 1, {query_code(slot, 0)}};
	bool found;
	Entity *entity = code_map_enter(&book->entities, &key, &found);

	entity->effective_from =
		DatumGetDateADT(query_value(slot, 1, DateADTGetDatum(DATEVAL_NOBEGIN)));
	entity->effective_to = DatumGetDateADT(query_value(slot, 2, DateADTGetDatum(DATEVAL_NOEND)));
	/* In a cluster, until the coordinator has assigned it to this node */
	entity->is_elsewhere = book->this_node != NULL;
}

static void
note_node(TupleTableSlot *slot, void *arg)
{
	EntityBook *book = arg;

	book->this_node = MemoryContextStrdup(book->entities.context, query_text(slot, 0));
}

static void
place_entity(TupleTableSlot *slot, void *arg)
{
	EntityBook *book = arg;
	CodeKey key = {0, 1, {query_code(slot, 0)}};
	Entity *entity = code_map_find(&book->entities, &key);

	if (entity != NULL)
	{
		entity->node = MemoryContextStrdup(book->entities.context, query_text(slot, 1));
		entity->is_elsewhere = strcmp(entity->node, book->this_node) != 0;
	}
}

EntityBook *
entity_load(const Policy *policy)
{
	EntityBook *book = palloc0_object(EntityBook);

	code_map_init(&book->entities, "entities", sizeof(Entity), CurrentMemoryContext);
	/* The layout of 0.1.0 has no such table. */
	if (OidIsValid(get_relname_relid("cluster_member", ledger_engine_schema())))
		query_each_row_kept("SELECT m.node_name FROM acct.cluster_member m", NULL, note_node, book);
	book->is_kept = OidIsValid(get_relname_relid("entity", ledger_engine_schema()));
	if (book->is_kept)
		policy_each_row(policy,
						"SELECT e.entity_code, e.effective_from, e.effective_to FROM acct.entity e",
						NULL, add_entity, book);
	if (book->this_node != NULL)
		query_each_row_kept("SELECT e.entity_code, e.node_name FROM acct.entity_place e", NULL,
							place_entity, book);
	return book;
}

const Entity *
entity_find(EntityBook *book, Code code)
{
	CodeKey key = {0, 1, {code}};

	return book->is_kept ? code_map_find(&book->entities, &key) : &any_entity;
}

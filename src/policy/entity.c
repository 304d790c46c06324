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
	CodeKey key = {0, 1, {code_from_cstring(query_text(slot, 0))}};
	bool found;
	Entity *entity = code_map_enter(&book->entities, &key, &found);

	entity->effective_from =
		DatumGetDateADT(query_value(slot, 1, DateADTGetDatum(DATEVAL_NOBEGIN)));
	entity->effective_to = DatumGetDateADT(query_value(slot, 2, DateADTGetDatum(DATEVAL_NOEND)));
}

EntityBook *
entity_load(const Policy *policy)
{
	EntityBook *book = palloc0_object(EntityBook);

	code_map_init(&book->entities, "entities", sizeof(Entity), CurrentMemoryContext);
	/* The layout of 0.1.0 has no such table. */
	book->is_kept = OidIsValid(get_relname_relid("entity", ledger_engine_schema()));
	if (book->is_kept)
		policy_each_row(policy,
						"SELECT e.entity_code, e.effective_from, e.effective_to FROM acct.entity e",
						NULL, add_entity, book);
	return book;
}

const Entity *
entity_find(EntityBook *book, Code code)
{
	CodeKey key = {0, 1, {code}};

	return book->is_kept ? code_map_find(&book->entities, &key) : &any_entity;
}

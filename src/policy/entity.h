/*
 * entity.h
 *		The registered entities, read once a run.
 */
#ifndef LEDGER_ENTITY_H
#define LEDGER_ENTITY_H

#include "common/code_map.h"
#include "common/ledger_engine.h"
#include "policy/policy.h"

#include "utils/date.h"

typedef struct Entity
{
	CodeKey key;            /* entity_code */
	DateADT effective_from; /* DATEVAL_NOBEGIN: there is no first day */
	DateADT effective_to;   /* exclusive; DATEVAL_NOEND: there is no last day */
	bool is_elsewhere;      /* it is not this node's of a cluster */
	const char *node;       /* the node that has its books; NULL: none, or no cluster */
} Entity;

typedef struct EntityBook
{
	bool is_kept;          /* false: the layout has no table of entities, and any will do */
	const char *this_node; /* in a cluster, the name of this node; NULL: there is no cluster */
	CodeMap entities;
} EntityBook;

/* Reads them into the current memory context. Needs query_open(). */
extern EntityBook *entity_load(const Policy *policy);

/* The entity of a code; NULL where it is not registered. */
extern const Entity *entity_find(EntityBook *book, Code code);

static inline bool
entity_takes(const Entity *entity, DateADT date)
{
	return entity != NULL && date >= entity->effective_from && date < entity->effective_to;
}

#endif

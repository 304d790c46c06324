/*
 * period.h
 *		The months of books that take no entries, read once a run.
 */
#ifndef LEDGER_PERIOD_H
#define LEDGER_PERIOD_H

#include "common/code_map.h"
#include "common/ledger_engine.h"
#include "policy/policy.h"

#include "utils/date.h"

/*
 * A month up to which the years of its book are closed is closed; else what is
 * recorded of it counts; and where nothing is, it is open before the month from
 * which its book is closed by default.
 */
typedef enum PeriodState
{
	PERIOD_OPEN,
	PERIOD_CLOSED,
	PERIOD_ARCHIVED /* the month, in every book */
} PeriodState;

typedef struct PeriodBook
{
	CodeMap recorded;
	CodeMap books;
} PeriodBook;

/* Reads them into the current memory context. Needs query_open(). */
extern PeriodBook *period_load(const Policy *policy);

/* In which every month is open; in the current memory context. */
extern PeriodBook *period_none(void);

/* Whether a book (entity, basis) takes entries of a month. */
extern PeriodState period_state(PeriodBook *book, Code entity, Code basis, DateADT month);

/* The first open month of a book after a month, up to the month `last`; `month` itself where there is none. */
extern DateADT
period_next_open(PeriodBook *book, Code entity, Code basis, DateADT month, DateADT last);

#endif

/*
 * citus.h
 *		Whether Citus keeps a table's rows somewhere else.
 */
#ifndef LEDGER_CITUS_H
#define LEDGER_CITUS_H

#include "postgres.h"

/*
 * Is it a table that Citus distributes, copies to all nodes, or manages? The table of
 * that name on this node holds none of its rows. Read from Citus's own catalog, as this
 * transaction has changed it; false where there is no Citus.
 */
extern bool citus_manages(Oid relation);

#endif

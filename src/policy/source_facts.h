/*
 * source_facts.h
 *		What is true of every row of the source: what its columns are declared as,
 *		and its CHECK constraints.
 *
 * A site may have other amounts, and other constraints about them, so that they
 * are read from the catalog. Taken are those that are validated: equalities and
 * inequalities of linear forms, NaN excluded, columns that are equal to
 * themselves rounded. A constraint that says something else says nothing here.
 */
#ifndef LEDGER_SOURCE_FACTS_H
#define LEDGER_SOURCE_FACTS_H

#include "policy/proof_path.h"

/* Reads them, in the current memory context; atoms of forms are the table's. */
extern SourceFacts *source_facts(AtomTable *atoms);

#endif

/*
 * fixed_point_compile.h
 *		Compiles expressions that integers can evaluate (see fixed_point.h).
 */
#ifndef LEDGER_FIXED_POINT_COMPILE_H
#define LEDGER_FIXED_POINT_COMPILE_H

#include "policy/fixed_point.h"

#include "nodes/primnodes.h"

/*
 * Compiles a planned expression into a memory context, in which it leaves nothing else; NULL where it is not one of
 * those that can be.
 */
extern FixedPoint *fixed_point_compile(Node *planned, MemoryContext context);

#endif

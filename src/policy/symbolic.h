/*
 * symbolic.h
 *		Evaluates an expression for every row at once: on a path of decisions,
 *		a number is a linear form of the row's columns.
 *
 * The expressions are those that the engine evaluates, as the server planned
 * them. A path covers every row that an evaluation by the server takes along
 * it without an error; one path may cover rows that do not exist.
 */
#ifndef LEDGER_SYMBOLIC_H
#define LEDGER_SYMBOLIC_H

#include "policy/proof_path.h"

/* The order is that of the choices of a number's value. */
typedef enum ValueKind
{
	VALUE_FINITE,
	VALUE_NULL,
	VALUE_SPECIAL /* NaN or infinite: no amount */
} ValueKind;

typedef struct SymbolicValue
{
	ValueKind kind;
	const LinearForm *form; /* of VALUE_FINITE */
} SymbolicValue;

/* The order is that of the choices of a condition's value. */
typedef enum SymbolicTruth
{
	TRUTH_TRUE,
	TRUTH_FALSE,
	TRUTH_NULL
} SymbolicTruth;

/* The value of an expression of type numeric or of an integer type. */
extern SymbolicValue symbolic_value(ProofPath *path, Node *node);

/* The value of a boolean expression. */
extern SymbolicTruth symbolic_truth(ProofPath *path, Node *node);

#endif

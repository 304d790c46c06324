/*
 * arithmetic.c
 *		Functions of the server that compute with numbers (see arithmetic.h).
 */
#include "policy/arithmetic.h"

#include "catalog/pg_type.h"
#include "utils/fmgroids.h"

Arithmetic
arithmetic_of(Oid function)
{
	switch (function)
	{
		case F_NUMERIC_ADD:
		case F_INT2PL:
		case F_INT4PL:
		case F_INT8PL:
		case F_INT24PL:
		case F_INT42PL:
		case F_INT28PL:
		case F_INT82PL:
		case F_INT48PL:
		case F_INT84PL:
			return ARITHMETIC_ADD;
		case F_NUMERIC_SUB:
		case F_INT2MI:
		case F_INT4MI:
		case F_INT8MI:
		case F_INT24MI:
		case F_INT42MI:
		case F_INT28MI:
		case F_INT82MI:
		case F_INT48MI:
		case F_INT84MI:
			return ARITHMETIC_SUBTRACT;
		case F_NUMERIC_MUL:
		case F_INT2MUL:
		case F_INT4MUL:
		case F_INT8MUL:
		case F_INT24MUL:
		case F_INT42MUL:
		case F_INT28MUL:
		case F_INT82MUL:
		case F_INT48MUL:
		case F_INT84MUL:
			return ARITHMETIC_MULTIPLY;
		case F_NUMERIC_UMINUS:
		case F_INT2UM:
		case F_INT4UM:
		case F_INT8UM:
			return ARITHMETIC_NEGATE;
		case F_NUMERIC_UPLUS:
		case F_INT2UP:
		case F_INT4UP:
		case F_INT8UP:
		case F_NUMERIC_INT2:
		case F_NUMERIC_INT4:
		case F_NUMERIC_INT8:
		case F_INT4_INT2:
		case F_INT8_INT2:
		case F_INT8_INT4:
		case F_INT2_INT4:
		case F_INT2_INT8:
		case F_INT4_INT8:
			return ARITHMETIC_SAME;
		case F_ABS_NUMERIC:
		case F_NUMERIC_ABS:
		case F_ABS_INT2:
		case F_ABS_INT4:
		case F_ABS_INT8:
		case F_INT2ABS:
		case F_INT4ABS:
		case F_INT8ABS:
			return ARITHMETIC_ABS;
		case F_SIGN_NUMERIC:
			return ARITHMETIC_SIGN;
		case F_ROUND_NUMERIC_INT4:
		case F_INT2_NUMERIC:
		case F_INT4_NUMERIC:
		case F_INT8_NUMERIC:
			return ARITHMETIC_ROUND;
		case F_TRUNC_NUMERIC_INT4:
			return ARITHMETIC_TRUNC;
		case F_CEIL_NUMERIC:
		case F_CEILING_NUMERIC:
			return ARITHMETIC_CEIL;
		case F_FLOOR_NUMERIC:
			return ARITHMETIC_FLOOR;
		case F_NUMERIC_NUMERIC_INT4:
			return ARITHMETIC_SCALE;
		default:
			return ARITHMETIC_NONE;
	}
}

bool
arithmetic_is_number(Oid type)
{
	return type == NUMERICOID || type == INT2OID || type == INT4OID || type == INT8OID;
}

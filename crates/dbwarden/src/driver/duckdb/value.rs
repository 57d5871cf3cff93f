//! What comes out of a query, from Arrow.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use crate::driver::{DriverError, DriverErrorKind};
use crate::value::{Row, Value};

/// Adds the rows of `batch` to `rows`.
///
/// # Errors
/// A column of a type that none of our queries asks for.
pub(super) fn rows(batch: &RecordBatch, rows: &mut Vec<Row>) -> Result<(), DriverError> {
    for index in 0..batch.num_rows() {
        let values = batch.columns().iter().map(|column| value(&**column, index));
        rows.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(())
}

fn value(column: &dyn Array, at: usize) -> Result<Value, DriverError> {
    if column.is_null(at) {
        return Ok(Value::Null);
    }
    macro_rules! integer {
        ($type:ty) => {
            Value::Integer(column.as_primitive::<$type>().value(at).into())
        };
    }
    Ok(match column.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Integer(column.as_boolean().value(at).into()),
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => large(column.as_primitive::<UInt64Type>().value(at).into()),
        // HUGEINT, which sum() of whole numbers is.
        DataType::Decimal128(_, 0) => large(column.as_primitive::<Decimal128Type>().value(at)),
        DataType::Float32 => Value::Real(column.as_primitive::<Float32Type>().value(at).into()),
        DataType::Float64 => Value::Real(column.as_primitive::<Float64Type>().value(at)),
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(at)),
        DataType::LargeUtf8 => Value::from(column.as_string::<i64>().value(at)),
        DataType::Utf8View => Value::from(column.as_string_view().value(at)),
        DataType::Binary => Value::Blob(column.as_binary::<i32>().value(at).to_owned()),
        DataType::LargeBinary => Value::Blob(column.as_binary::<i64>().value(at).to_owned()),
        DataType::BinaryView => Value::Blob(column.as_binary_view().value(at).to_owned()),
        other => {
            let message = format!("a column of type {other} is not read here: cast it to TEXT");
            return Err(DriverError::new(DriverErrorKind::Statement, message));
        }
    })
}

/// A number that may be too large for ours, which is text then.
fn large(number: i128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
}

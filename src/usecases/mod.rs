//! One public function is one sentence of the product.

pub mod apply;
pub mod knowledge;
pub mod vendors;

//! One public function is one sentence of the product.

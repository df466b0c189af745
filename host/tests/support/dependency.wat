;; Opens the store "default", and traps if the store refuses.
(module
  (import "wasi:keyvalue/store@0.2.0-draft2" "open" (func $open (param i32 i32 i32)))
  (import "wasi:keyvalue/store@0.2.0-draft2" "[resource-drop]bucket" (func $drop_bucket (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "default")
  (global $free (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $new))))
  (func (export "test:dep/api#go")
    (call $open (i32.const 64) (i32.const 7) (i32.const 0))
    (if (i32.load8_u (i32.const 0)) (then unreachable))
    (call $drop_bucket (i32.load (i32.const 4)))))

;; What it does depends on the letter after the slash of the path:
;;   l  loops for ever             t  traps              m  takes memory for ever
;;   c  answers 200 + the number of requests that this instance has answered
;;   s  sees whether the store "default" has a key, and answers 200, or 403 if it may not
;;   d  calls its dependency       anything else: 200
(module
  (import "wasi:http/types@0.2.6" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.6" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.6" "[method]outgoing-response.set-status-code"
    (func $set_status (param i32 i32) (result i32)))
  (import "wasi:http/types@0.2.6" "[method]incoming-request.path-with-query" (func $path (param i32 i32)))
  (import "wasi:http/types@0.2.6" "[resource-drop]incoming-request" (func $drop_request (param i32)))
  (import "wasi:http/types@0.2.6" "[static]response-outparam.set"
    (func $answer (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "wasi:keyvalue/store@0.2.0-draft2" "open" (func $open (param i32 i32 i32)))
  (import "wasi:keyvalue/store@0.2.0-draft2" "[method]bucket.exists" (func $exists (param i32 i32 i32 i32)))
  (import "wasi:keyvalue/store@0.2.0-draft2" "[resource-drop]bucket" (func $drop_bucket (param i32)))
  (func $dependency)

  (memory (export "memory") 1)
  (data (i32.const 64) "default")
  (global $free (mut i32) (i32.const 4096))
  (global $answered (mut i32) (i32.const 0))

  ;; Nothing is ever freed, but everything starts over with each request.
  (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.get $free)
    (global.set $free (i32.add (global.get $free) (local.get $new))))

  (func $store (result i32)
    (call $open (i32.const 64) (i32.const 7) (i32.const 128))
    (if (i32.load8_u (i32.const 128)) (then (return (i32.const 403))))
    (call $exists (i32.load (i32.const 132)) (i32.const 64) (i32.const 7) (i32.const 160))
    (call $drop_bucket (i32.load (i32.const 132)))
    (i32.const 200))

  (func (export "wasi:http/incoming-handler@0.2.6#handle") (param $request i32) (param $out i32)
    (local $letter i32) (local $status i32) (local $made i32)
    (global.set $free (i32.const 4096))
    (call $path (local.get $request) (i32.const 0))
    (local.set $letter (i32.load8_u offset=1 (i32.load (i32.const 4))))
    (call $drop_request (local.get $request))
    (local.set $status (i32.const 200))

    (if (i32.eq (local.get $letter) (i32.const 108)) ;; l
      (then (loop $ever (br $ever))))
    (if (i32.eq (local.get $letter) (i32.const 116)) ;; t
      (then unreachable))
    (if (i32.eq (local.get $letter) (i32.const 109)) ;; m
      (then (loop $ever (br_if $ever (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))))
    (if (i32.eq (local.get $letter) (i32.const 99)) ;; c
      (then (local.set $status (i32.add (i32.const 200) (global.get $answered)))))
    (if (i32.eq (local.get $letter) (i32.const 115)) ;; s
      (then (local.set $status (call $store))))
    (if (i32.eq (local.get $letter) (i32.const 100)) ;; d
      (then (call $dependency)))

    (global.set $answered (i32.add (global.get $answered) (i32.const 1)))
    (local.set $made (call $response (call $fields)))
    (drop (call $set_status (local.get $made) (local.get $status)))
    (call $answer (local.get $out) (i32.const 0) (local.get $made)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))

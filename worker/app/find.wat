;; `indexOf` for rows of heads: looks at each byte of random bits once, 64 bytes at a time, at the speed of the memory.
;; Fixed-width SIMD, https://webassembly.github.io/spec/core/
(module
  ;; The block of random bits; 2 pages of 64 KiB.
  (memory (export "memory") 2)

  ;; Eight windows of 16 bits, two bytes apart: all ones in those that hold the mask.
  (func $holding (param $windows v128) (param $mask v128) (result v128)
    (i16x8.eq (v128.and (local.get $windows) (local.get $mask)) (local.get $mask)))

  ;; The windows that begin at 16 bytes in a row, the even ones and the odd ones.
  (func $at16 (param $at i32) (param $mask v128) (result v128)
    (v128.or
      (call $holding (v128.load (local.get $at)) (local.get $mask))
      (call $holding (v128.load offset=1 (local.get $at)) (local.get $mask))))

  ;; The first byte from $at on that begins, together with the next one, a little-endian window with every bit of the mask set.
  ;; Without one, the last byte before $end; never less than $at.
  (func (export "find") (param $at i32) (param $end i32) (param $mask i32) (result i32)
    (local $masks v128)
    (local.set $masks (i16x8.splat (local.get $mask)))
    (block $near
      (loop $far
        (br_if $near (i32.gt_u (i32.add (local.get $at) (i32.const 65)) (local.get $end)))
        (br_if $near (v128.any_true
          (v128.or
            (v128.or
              (call $at16 (local.get $at) (local.get $masks))
              (call $at16 (i32.add (local.get $at) (i32.const 16)) (local.get $masks)))
            (v128.or
              (call $at16 (i32.add (local.get $at) (i32.const 32)) (local.get $masks))
              (call $at16 (i32.add (local.get $at) (i32.const 48)) (local.get $masks))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $far)))
    (block $found
      (loop $byte
        (br_if $found (i32.gt_u (i32.add (local.get $at) (i32.const 2)) (local.get $end)))
        (br_if $found (i32.eq
          (i32.and (i32.load16_u (local.get $at)) (local.get $mask))
          (local.get $mask)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $byte)))
    (local.get $at)))

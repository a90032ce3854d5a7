//! One kernel, three instruction sets.

/// Define `$name` as the kernel `$generic::<S>` with the instruction set chosen at run time.
///
/// The generic kernel must be `#[inline(always)] unsafe fn kernel<S: Simd>(...)`.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident = $generic:ident($($arg:ident: $type:ty),* $(,)?)) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis unsafe fn $name($($arg: $type),*) {
            use $crate::expr::lanes::simd::{Isa, Portable};
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::expr::lanes::simd::{Avx2, Avx512};
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma,bmi2")]
                unsafe fn avx512($($arg: $type),*) { unsafe { $generic::<Avx512>($($arg),*) } }
                #[target_feature(enable = "avx2,fma,bmi2")]
                unsafe fn avx2($($arg: $type),*) { unsafe { $generic::<Avx2>($($arg),*) } }
                match Isa::detect() {
                    Isa::Avx512 => return unsafe { avx512($($arg),*) },
                    Isa::Avx2 => return unsafe { avx2($($arg),*) },
                    Isa::Portable => {}
                }
            }
            unsafe { $generic::<Portable>($($arg),*) }
        }
    };
}

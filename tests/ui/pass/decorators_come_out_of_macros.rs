use switchboard::prelude::*;

macro_rules! controllers {
    ($($name:ident $path:literal $answer:ty;)*) => {$(
        #[silent($path)]
        fn $name() -> $answer {
            <$answer>::default()
        }
    )*};
}

controllers! {
    first "first" u8;
    second "second" Option<String>;
}

fn main() {}

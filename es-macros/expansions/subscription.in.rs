#[subscription("mailer", events(OrderShipped), from = now)]
pub struct Mailer {
    smtp: Smtp,
}

enum CustomerEvent {
    #[event("customer.registered")]
    Registered {
        #[unique]
        email: String,
    },
    #[event("customer.named")]
    Named { name: String },
    #[event("customer.closed", releases("customer.email"))]
    Closed,
}
